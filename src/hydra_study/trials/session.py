"""The stop flag of one start of a sweep, shared by its workers through the study."""

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.outcomes import UNCHARGED, Policy


class Session:
    """One start of a sweep.

    Args:
        study: The study, which stores the reason to stop.
        spec: The sweep.
    """

    def __init__(self, study: OpenStudy, spec: SweepSpec) -> None:
        self._study = study
        self._name = spec.session
        self._max_errors = spec.options.max_errors

    def stop_reason(self) -> str | None:
        """Return why a worker has stopped this start, or None."""
        stop = self._study.user_attrs.get(attributes.STUDY_STOP)
        return str(stop["reason"]) if stop is not None and stop["session"] == self._name else None

    def stop_after(self, kind: str, policy: Policy) -> str | None:
        """Stop this start if an outcome of this kind requires it; return the reason, or None."""
        reason = None
        if policy.action == "stop":
            reason = f"a trial ended as {kind} (hydra.sweeper.policy.{kind}=stop)"
        elif (
            kind == "error"
            and self._max_errors is not None
            and len(self._errors_in_a_row()) >= self._max_errors
        ):
            reason = f"{self._max_errors} errors in a row (hydra.sweeper.max_errors)"
        if reason is not None:
            self.stop(reason)
        return reason

    def stop(self, reason: str) -> None:
        """Make all workers of this start stop."""
        self._study.set_user_attr(attributes.STUDY_STOP, {"session": self._name, "reason": reason})

    def _ended_here(self) -> list[FrozenTrial]:
        """Return the finished trials of this start from the newest to the oldest, by number, since
        the clocks of machines may differ.
        """
        trials = [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished()
            and trial.user_attrs.get(attributes.SESSION) == self._name
            and kind_of(trial) not in (*UNCHARGED, "killed")
        ]
        return sorted(trials, key=lambda trial: trial.number, reverse=True)

    def _errors_in_a_row(self) -> list[FrozenTrial]:
        errors = []
        for trial in self._ended_here():
            if kind_of(trial) != "error":
                break
            errors.append(trial)
        return errors

    def first_error(self) -> FrozenTrial | None:
        """Return the first of the consecutive errors at the end of this start, or None."""
        errors = self._errors_in_a_row()
        return errors[-1] if errors else None
