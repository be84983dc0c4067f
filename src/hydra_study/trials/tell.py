"""Writes the outcome of a trial to the study: its kind, its state, what the samplers learn, and its
retry.
"""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.paths import SweepPaths
from hydra_study.storage.storage import OpenStudy, set_constraint
from hydra_study.trials.outcomes import CONSTRAINED, Outcome, Policy

_INHERITED = (attributes.OVERRIDES, attributes.HASH, attributes.REPETITION)


class Teller:
    """Settles the trials of a study.

    Args:
        study: The study.
        paths: Where the sweep keeps its files.
        policies: What follows on each kind.
        checkpoint: Where in its folder a trial leaves its checkpoints.
    """

    def __init__(
        self, study: OpenStudy, paths: SweepPaths, policies: Mapping[str, Policy], checkpoint: str
    ) -> None:
        self._study = study
        self._paths = paths
        self._policies = policies
        self._checkpoint = checkpoint

    def tell(self, trial: FrozenTrial, outcome: Outcome, *, again: bool | None = None) -> None:
        """Tell the study how a running trial ended.

        Args:
            trial: The trial as the study knows it.
            outcome: How it ended.
            again: Whether it is to be run again; None leaves that to the policy of the kind.
        """
        policy = self._policies[outcome.kind]
        attempt = int(trial.user_attrs.get(attributes.ATTEMPT, 0))
        if again is None:
            again = policy.action == "retry" and attempt < policy.retries
            attempt += again
        checkpoint = self._checkpoint_of(trial)
        self._note(trial, outcome, checkpoint, again)
        if again:
            self._queue(trial, attempt, checkpoint)
        if outcome.kind in CONSTRAINED:
            set_constraint(self._study, trial.number, outcome.kind, 1.0)
        if outcome.kind == "complete":
            self._study.tell(trial.number, outcome.values)
        elif outcome.kind == "pruned" or outcome.kind in CONSTRAINED:
            self._study.tell(trial.number, state=TrialState.PRUNED)
        else:
            self._study.tell(trial.number, state=TrialState.FAIL)

    def tell_duplicate(self, trial: FrozenTrial, known: FrozenTrial) -> None:
        """Tell the study the known result of the same network; a running one has none yet."""
        reason = f"the same network as trial {known.number} ({kind_of(known)})"
        checkpoint = self._checkpoint_of(trial)
        self._note(trial, Outcome("duplicate", reason=reason), checkpoint, again=False)
        self._set(trial, {attributes.DUPLICATE_OF: known.number})
        if known.state == TrialState.COMPLETE:
            self._study.tell(trial.number, known.values)
            return
        if kind_of(known) in CONSTRAINED:
            set_constraint(self._study, trial.number, kind_of(known), 1.0)
        pruned = known.state == TrialState.PRUNED
        if pruned:
            for step, value in known.intermediate_values.items():
                self._study.storage.set_trial_intermediate_value(
                    self._study.trial_id(trial.number), step, value
                )
        self._study.tell(trial.number, state=TrialState.PRUNED if pruned else TrialState.FAIL)

    def _set(self, trial: FrozenTrial, facts: Mapping[str, Any]) -> None:
        for key, value in facts.items():
            self._study.storage.set_trial_user_attr(self._study.trial_id(trial.number), key, value)

    def _note(
        self, trial: FrozenTrial, outcome: Outcome, checkpoint: str | None, again: bool
    ) -> None:
        facts: dict[str, Any] = {attributes.KIND: outcome.kind}
        if outcome.reason:
            facts[attributes.REASON] = outcome.reason
        if outcome.traceback:
            facts[attributes.TRACEBACK] = outcome.traceback[-4000:]
        if outcome.seconds:
            facts[attributes.SECONDS] = round(outcome.seconds, 3)
            facts[attributes.PEAK_MEMORY] = round(outcome.peak_memory_mb, 1)
        if self._paths.trial(trial.number).is_dir():
            facts[attributes.FOLDER] = str(self._paths.trial(trial.number))
        if checkpoint is not None:
            facts[attributes.CHECKPOINT] = checkpoint
        if again:
            facts[attributes.RETRIED] = True
        self._set(trial, facts)

    def _checkpoint_of(self, trial: FrozenTrial) -> str | None:
        """Return the trial's checkpoint, or the one it was itself to continue from."""
        written = list(self._paths.trial(trial.number).glob(self._checkpoint))
        own = max(written, key=lambda path: path.stat().st_mtime, default=None)
        return trial.user_attrs.get(attributes.CHECKPOINT) if own is None else str(own)

    def _queue(self, trial: FrozenTrial, attempt: int, checkpoint: str | None) -> None:
        """Queue a trial of the same parameters that goes on from the checkpoint; once only.

        What the trial reported is reported by the new one when it begins (`Reports.inherit`).
        """
        others = self._study.get_trials(deepcopy=False)
        if any(other.user_attrs.get(attributes.RETRY_OF) == trial.number for other in others):
            return
        facts = {key: trial.user_attrs[key] for key in _INHERITED if key in trial.user_attrs}
        facts |= {attributes.RETRY_OF: trial.number, attributes.ATTEMPT: attempt}
        if checkpoint is not None:
            facts[attributes.CHECKPOINT] = checkpoint
        self._study.enqueue_trial(fixed_params(trial), user_attrs=facts)


def fixed_params(trial: FrozenTrial) -> dict[str, Any]:
    """Return the parameters that a trial has, or was queued with."""
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}
