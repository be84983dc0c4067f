"""Which trials pause, which of them go on, and which never will: successive halving by promotion.

Nothing here reads or writes a study: the functions take its trials, so that a benchmark can replay
learning curves with them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.errors import StudyError
from hydra_study.trials.outcomes import UNCHARGED

# A trial that ended otherwise leaves its place among the best of its rung to the next.
_HOLDS_ITS_PLACE = ("running", "paused", "complete")


@dataclass(frozen=True)
class Promotion:
    """Asynchronous successive halving in which a trial that falls behind pauses, and goes on once
    it belongs to the best of its rung.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020
    (algorithm 2).

    Rung k lies at `min_steps * reduction_factor**k` steps, which count from 1. A trial reaches it
    by its first report at that step or later, whose value is compared; a report that passes several
    rungs is compared at the highest. Trials that were retried and duplicates count in no rung. A
    trial is paused while its state is RUNNING and its user attribute `paused_at` is a step.

    Args:
        min_steps: The first rung.
        reduction_factor: Of n trials that reached a rung, the best `n // reduction_factor` go on.
        direction: `minimize` or `maximize`.

    Raises:
        StudyError: A number is too small.
    """

    min_steps: int = 1
    reduction_factor: int = 3
    direction: str = "minimize"

    def __post_init__(self) -> None:
        if self.min_steps < 1 or self.reduction_factor < 2:
            rule = (
                "hydra.sweeper.schedule.min_steps must be at least 1, and reduction_factor at least"
                " 2"
            )
            raise StudyError(f"{rule}, but got {self.min_steps} and {self.reduction_factor}")

    def rung(self, step: int) -> int:
        """Return the highest rung that a trial has reached after `step`; -1 below the first."""
        rung = -1
        while self.steps_of(rung + 1) <= step:
            rung += 1
        return rung

    def steps_of(self, rung: int) -> int:
        """Return the steps at which a rung lies."""
        return int(self.min_steps * self.reduction_factor**rung)

    def pauses(self, number: int, step: int, value: float, trials: Sequence[FrozenTrial]) -> bool:
        """Return whether a running trial should pause after a report.

        It goes on if it is among the best of the rung that it reaches with this report, or reaches
        none.

        Args:
            number: Number of the trial.
            step: Steps done, from 1.
            value: The reported value.
            trials: The trials of the study, with or without this report.
        """
        rung = self.rung(step)
        own = next((trial for trial in trials if trial.number == number), None)
        earlier = [] if own is None else [one for one in own.intermediate_values if one < step]
        if rung <= self.rung(max(earlier, default=0)):
            return False
        reached = self._values_at(rung, (trial for trial in trials if trial is not own))
        better = sum(
            self._key(other, trial.number) < self._key(value, number)
            for trial, other in reached
            if kind_of(trial) in _HOLDS_ITS_PLACE
        )
        return better >= (len(reached) + 1) // self.reduction_factor

    def promotable(
        self, trials: Sequence[FrozenTrial], is_final: bool = False
    ) -> FrozenTrial | None:
        """Return the paused trial that should go on next, or None: of the highest rung that has
        one, the best that is now among the best of its rung.

        Args:
            trials: The trials of the study.
            is_final: Whether no other trial will begin. The best of a rung then goes on also where
                fewer than `reduction_factor` have reached it, so that at least one trial trains to
                its end.
        """
        for rung in sorted({self._rung_of(trial) for trial in _paused(trials)}, reverse=True):
            reached = self._values_at(rung, trials)
            room = max(len(reached) // self.reduction_factor, int(is_final))
            for trial in self._best(reached)[:room]:
                if kind_of(trial) == "paused" and self._rung_of(trial) == rung:
                    return trial
        return None

    def hopeless(self, trials: Sequence[FrozenTrial], n_trials: int | None) -> list[FrozenTrial]:
        """Return the paused trials that can no longer go on, because `n_trials // reduction_factor`
        others are better at their rung.

        So at most that many wait at a rung, or one.

        Args:
            trials: The trials of the study.
            n_trials: How many trials there will be; without a limit none is hopeless.
        """
        if n_trials is None:
            return []
        room = max(1, n_trials // self.reduction_factor)
        return [
            trial
            for rung in sorted({self._rung_of(trial) for trial in _paused(trials)})
            for trial in self._best(self._values_at(rung, trials))[room:]
            if kind_of(trial) == "paused" and self._rung_of(trial) == rung
        ]

    def _rung_of(self, trial: FrozenTrial) -> int:
        return self.rung(max(trial.intermediate_values, default=0))

    def _values_at(
        self, rung: int, trials: Iterable[FrozenTrial]
    ) -> list[tuple[FrozenTrial, float]]:
        """Return the trials that reached a rung, each with its value there."""
        start = self.steps_of(rung)
        reached = []
        for trial in trials:
            reports = trial.intermediate_values
            if reports and max(reports) >= start and _is_counted(trial):
                first = start if start in reports else min(s for s in reports if s >= start)
                reached.append((trial, reports[first]))
        return reached

    def _best(self, reached: Iterable[tuple[FrozenTrial, float]]) -> list[FrozenTrial]:
        """Return the trials that hold their place in a rung, the best one first."""
        ranked = sorted(
            (self._key(value, trial.number), trial)
            for trial, value in reached
            if kind_of(trial) in _HOLDS_ITS_PLACE
        )
        return [trial for _, trial in ranked]

    def _key(self, value: float, number: int) -> tuple[float, int]:
        """Return what sorts the best value first, NaN last, and of equal ones the older trial."""
        if math.isnan(value):
            return math.inf, number
        return (-value if self.direction == "maximize" else value), number


def _paused(trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    return [trial for trial in trials if kind_of(trial) == "paused"]


def _is_counted(trial: FrozenTrial) -> bool:
    """Return whether a trial counts in the rungs: neither its retry nor its original is counted
    too.
    """
    return kind_of(trial) not in UNCHARGED and not trial.user_attrs.get(attributes.RETRIED)
