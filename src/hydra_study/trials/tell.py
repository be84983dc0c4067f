"""Tell the study the outcome of a trial: kind, state, values, constraint, pause."""

from collections.abc import Mapping
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of, was_paused
from hydra_study.paths import SweepPaths
from hydra_study.storage.storage import OpenStudy, set_constraint
from hydra_study.trials.checkpoints import TrialCheckpoints
from hydra_study.trials.outcomes import CONSTRAINED, Outcome, Policy
from hydra_study.trials.retry import next_attempt, queue_retry


class Teller:
    """Tells the outcomes of trials.

    Args:
        study: The study.
        paths: Paths of the sweep's files.
        policies: Reaction to each kind of outcome.
        checkpoint: Glob pattern of the checkpoints in a trial's folder.

    Attributes:
        checkpoints: The checkpoints of the trials.
    """

    def __init__(
        self, study: OpenStudy, paths: SweepPaths, policies: Mapping[str, Policy], checkpoint: str
    ) -> None:
        self._study = study
        self._paths = paths
        self._policies = policies
        self.checkpoints = TrialCheckpoints(paths, checkpoint)

    def tell(self, trial: FrozenTrial, outcome: Outcome, *, again: bool | None = None) -> None:
        """Tell the study the outcome of a running trial, and queue its retry if there is one.

        A trial that pauses stays in the state RUNNING. The caller then holds the ask lock, under
        which paused trials go on.

        Args:
            trial: The trial in the study.
            outcome: Its outcome.
            again: Whether to retry it; None leaves that to the policy of the kind.
        """
        if outcome.kind == "paused":
            self._pause(trial, outcome)
            return
        attempt = next_attempt(trial, self._policies[outcome.kind], again)
        checkpoint = self.checkpoints.newest(trial)
        self._set_result(trial, outcome, checkpoint, attempt is not None)
        if attempt is not None:
            queue_retry(self._study, trial, attempt, checkpoint)
        if outcome.kind in CONSTRAINED:
            self._constrain(trial, outcome.kind, outcome.excess)
        if outcome.kind == "complete":
            self._study.tell(trial.number, outcome.values)
        elif outcome.kind == "pruned" or outcome.kind in CONSTRAINED:
            self._study.tell(trial.number, state=TrialState.PRUNED)
        else:
            self._study.tell(trial.number, state=TrialState.FAIL)

    def tell_duplicate(self, trial: FrozenTrial, known: FrozenTrial) -> None:
        """Tell the study that a trial repeats `known`, with its result unless it still runs; one
        that is paused counts as pruned.
        """
        reason = f"the same network as trial {known.number} ({kind_of(known)})"
        checkpoint = self.checkpoints.newest(trial)
        self._set_result(trial, Outcome("duplicate", reason=reason), checkpoint, again=False)
        self._set(trial, {attributes.DUPLICATE_OF: known.number})
        if known.state == TrialState.COMPLETE:
            self._study.tell(trial.number, known.values)
            return
        if kind_of(known) in CONSTRAINED:
            self._constrain(trial, kind_of(known), known.user_attrs.get(attributes.EXCESS))
        pruned = known.state == TrialState.PRUNED or kind_of(known) == "paused"
        if pruned:
            for step, value in known.intermediate_values.items():
                self._study.storage.set_trial_intermediate_value(
                    self._study.trial_id(trial.number), step, value
                )
        self._study.tell(trial.number, state=TrialState.PRUNED if pruned else TrialState.FAIL)

    def _constrain(self, trial: FrozenTrial, kind: str, excess: float | None) -> None:
        """Store how far a trial is beyond what can be trained: samplers prefer the nearer one of
        two, and 1 stands for what is not known.
        """
        if excess is not None:
            self._set(trial, {attributes.EXCESS: excess})
        set_constraint(self._study, trial.number, kind, 1.0 if excess is None else excess)

    def _pause(self, trial: FrozenTrial, outcome: Outcome) -> None:
        step = max(trial.intermediate_values)
        parts = [*trial.user_attrs.get(attributes.PARTS, []), _part(trial, outcome.seconds)]
        facts = self._facts(trial, outcome, self.checkpoints.newest(trial))
        self._set(trial, facts | {attributes.PARTS: parts})
        self._set(trial, {attributes.PAUSED_AT: step})

    def drop_checkpoints(self, trial: FrozenTrial, kind: str) -> None:
        """Remove the checkpoints of a paused trial that will not go on.

        How it will end is stored first, so that it does not go on without them if this worker is
        killed before it tells that, and better trials leave their places.
        """
        self._set(trial, {attributes.KIND: kind})
        self.checkpoints.remove(trial)
        self._set(trial, {attributes.CHECKPOINT: None})

    def _set(self, trial: FrozenTrial, attrs: Mapping[str, Any]) -> None:
        for key, value in attrs.items():
            self._study.storage.set_trial_user_attr(self._study.trial_id(trial.number), key, value)

    def _set_result(
        self, trial: FrozenTrial, outcome: Outcome, checkpoint: str | None, again: bool
    ) -> None:
        attrs: dict[str, Any] = {attributes.KIND: outcome.kind}
        if outcome.reason:
            attrs[attributes.REASON] = outcome.reason
        if outcome.traceback:
            attrs[attributes.TRACEBACK] = outcome.traceback[-4000:]
        if again:
            attrs[attributes.RETRIED] = True
        self._set(trial, attrs | self._facts(trial, outcome, checkpoint))

    def _facts(
        self, trial: FrozenTrial, outcome: Outcome, checkpoint: str | None
    ) -> dict[str, Any]:
        """Return the trial's time, over all its parts, its peak memory, folder and checkpoint."""
        attrs: dict[str, Any] = {}
        if outcome.seconds:
            known = trial.user_attrs if was_paused(trial) else {}
            seconds = outcome.seconds + known.get(attributes.SECONDS, 0.0)
            peak = max(outcome.peak_memory_mb, known.get(attributes.PEAK_MEMORY, 0.0))
            attrs |= {
                attributes.SECONDS: round(seconds, 3),
                attributes.PEAK_MEMORY: round(peak, 1),
            }
        if self._paths.trial(trial.number).is_dir():
            attrs[attributes.FOLDER] = str(self._paths.trial(trial.number))
        if checkpoint is not None:
            attrs[attributes.CHECKPOINT] = checkpoint
        return attrs


def _part(trial: FrozenTrial, seconds: float) -> dict[str, Any]:
    """Return where and when a trial ran since it began or went on."""
    names = (attributes.SESSION, attributes.WORKER, attributes.SLOT)
    place = {name: trial.user_attrs.get(name) for name in names}
    began = None if trial.datetime_start is None else trial.datetime_start.isoformat()
    start = trial.user_attrs.get(attributes.STARTED, began)
    return {**place, attributes.STARTED: start, attributes.SECONDS: round(seconds, 3)}
