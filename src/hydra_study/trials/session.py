"""One start of a sweep: whether its workers must stop, and the word they pass on about it."""

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.outcomes import UNCHARGED, Policy


class Session:
    """What the workers of one start share through the study: the reason to stop."""

    def __init__(self, study: OpenStudy, spec: SweepSpec) -> None:
        self._study = study
        self._name = spec.session
        self._max_errors = spec.options.max_errors

    def stopped(self) -> str | None:
        """Return the reason for which some worker of this start has stopped it, or None."""
        said = self._study.user_attrs.get(attributes.STUDY_STOP)
        return str(said["reason"]) if said is not None and said["session"] == self._name else None

    def must_stop(self, kind: str, policy: Policy) -> str | None:
        """Return the reason to stop after an outcome of this kind, if it is one, and pass it on."""
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
        """Tell the workers of this start to stop."""
        self._study.set_user_attr(attributes.STUDY_STOP, {"session": self._name, "reason": reason})

    def _ended_here(self) -> list[FrozenTrial]:
        """Return the trials that ended in this start, the last one to begin first: the clocks of
        machines may differ.
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
        """Return the first of the errors in a row with which this start ended."""
        errors = self._errors_in_a_row()
        return errors[-1] if errors else None
