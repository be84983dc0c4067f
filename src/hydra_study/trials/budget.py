"""The total budget of a study over all its starts: trials, seconds, a target value."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of
from hydra_study.objectives import Objectives
from hydra_study.trials.outcomes import UNCHARGED


@dataclass
class Tally:
    """Counts of a study's trials.

    Attributes:
        kinds: Number of trials of each kind, `running` and `waiting` included.
        charged: Trials that count towards `n_trials`.
        best: The best complete trial of the first objective.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    charged: int = 0
    best: FrozenTrial | None = None

    @property
    def running(self) -> int:
        """Number of running trials."""
        return self.kinds["running"]

    def add(self, trial: FrozenTrial, objectives: Objectives) -> None:
        """Count one more trial."""
        kind = kind_of(trial)
        self.kinds[kind] += 1
        self.charged += is_charged(trial)
        if kind != "complete" or trial.state != TrialState.COMPLETE:
            return
        if is_finalist(trial):  # decide together (`finalists.decide_finals`)
            return
        if self.best is None or not objectives.is_as_good(self.best.values[0], trial.values[0]):
            self.best = trial


def is_charged(trial: FrozenTrial) -> bool:
    """Return whether a trial counts towards `n_trials`: it is finished or paused, and neither
    infeasible, nor a duplicate, nor retried, nor a finalist.
    """
    if is_finalist(trial):
        return False
    if not trial.state.is_finished():
        return kind_of(trial) == "paused"
    return kind_of(trial) not in UNCHARGED and not trial.user_attrs.get(attributes.RETRIED)


def tally(trials: Sequence[FrozenTrial], objectives: Objectives) -> Tally:
    """Count the trials of a study."""
    count = Tally()
    for trial in trials:
        count.add(trial, objectives)
    return count


class Ledger:
    """Repeated counts of a study's trials, in which finished ones are counted only once.

    Args:
        objectives: The study's objectives.
    """

    def __init__(self, objectives: Objectives) -> None:
        self._objectives = objectives
        self._ended = Tally()
        self._counted: set[int] = set()

    def tally(self, trials: Sequence[FrozenTrial]) -> Tally:
        """Return the counts of all trials of the study."""
        fresh = [trial for trial in trials if trial.number not in self._counted]
        for trial in fresh:
            if trial.state.is_finished():
                self._ended.add(trial, self._objectives)
                self._counted.add(trial.number)
        count = Tally(self._ended.kinds.copy(), self._ended.charged, self._ended.best)
        for trial in fresh:
            if trial.number not in self._counted:
                count.add(trial, self._objectives)
        return count


@dataclass(frozen=True)
class TrialBudget:
    """Limits on the whole study; None means no limit.

    Attributes:
        n_trials: Number of trials.
        timeout: Seconds over all starts.
        target: Value of the first objective.
    """

    n_trials: int | None
    timeout: float | None
    target: float | None

    def end_reason(self, count: Tally, seconds: float, objectives: Objectives) -> str | None:
        """Return why all trials must end now, or None."""
        if (
            self.target is not None
            and count.best is not None
            and objectives.is_as_good(count.best.values[0], self.target)
        ):
            return f"target {self.target:g} reached by trial {count.best.number}"
        if self.timeout is not None and seconds >= self.timeout:
            return f"timeout of {self.timeout:g} s reached"
        return None

    def done_reason(self, count: Tally) -> str | None:
        """Return that no trial runs and none can begin, or None."""
        if self.has_room(count) or count.running:
            return None
        return f"all {self.n_trials} trials are done"

    def has_room(self, count: Tally) -> bool:
        """Return whether another trial may start beside the running ones."""
        return self.n_trials is None or count.charged + count.running < self.n_trials
