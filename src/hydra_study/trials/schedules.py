"""Which trials pause, which of them go on, and which never will: successive halving by promotion.

Nothing here reads or writes a study: the functions take its trials, so that a benchmark can replay
learning curves with them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of
from hydra_study.errors import StudyError
from hydra_study.trials.outcomes import UNCHARGED

Room = Literal["share", "one", "all"]
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
        max_paused: How many trials may wait at a rung, the best ones; it bounds the disk where
            `n_trials` does not.

    Raises:
        StudyError: A number is too small.
    """

    min_steps: int = 1
    reduction_factor: int = 3
    direction: str = "minimize"
    max_paused: int = 1000

    def __post_init__(self) -> None:
        if min(self.min_steps, self.max_paused) < 1 or self.reduction_factor < 2:
            rule = (
                "hydra.sweeper.schedule: min_steps and max_paused must be at least 1, and"
                " reduction_factor at least 2"
            )
            given = f"{self.min_steps}, {self.max_paused} and {self.reduction_factor}"
            raise StudyError(f"{rule}, but got {given}")

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
        others = (trial for trial in trials if trial is not own)
        reached = [one for one in self._contenders(others) if one.rung >= rung]
        mine = self._key(value, number)
        better = sum(
            self._key_at(rung, one) < mine for one in reached if one.kind in _HOLDS_ITS_PLACE
        )
        return better >= (len(reached) + 1) // self.reduction_factor

    def promotable(self, trials: Sequence[FrozenTrial], room: Room = "share") -> FrozenTrial | None:
        """Return the paused trial that should go on next, or None: of the highest rung that has
        one, the best that is now among the best of its rung.

        Args:
            trials: The trials of the study.
            room: How many of a rung may go on: `share`: of n that reached it, the best
                `n // reduction_factor`; `one`: at least one, so that if no other trial will begin,
                one trains to its end; `all`: each, the best one first.
        """
        contenders = self._contenders(trials)
        for rung in sorted(_waiting_at(contenders), reverse=True):
            reached = [one for one in contenders if one.rung >= rung]
            share = len(reached) // self.reduction_factor
            places = {"share": share, "one": max(share, 1), "all": len(reached)}[room]
            for one in self._best(rung, reached)[:places]:
                if one.kind == "paused" and one.rung == rung:
                    return one.trial
        return None

    def hopeless(self, trials: Sequence[FrozenTrial], n_trials: int | None) -> list[FrozenTrial]:
        """Return the paused trials that can no longer go on, because `n_trials // reduction_factor`
        others are better at their rung, or `max_paused` better ones wait there.

        One that was found to be hopeless, and so has a kind of outcome, stays so: its checkpoints
        may be gone.

        Args:
            trials: The trials of the study.
            n_trials: How many trials there will be, or None.
        """
        contenders = self._contenders(trials)
        room = math.inf if n_trials is None else max(1, n_trials // self.reduction_factor)
        found = []
        for rung in sorted(_waiting_at(contenders)):
            waiting = [
                (place, one.trial)
                for place, one in enumerate(self._best(rung, contenders))
                if one.kind == "paused" and one.rung == rung
            ]
            found += [
                trial
                for kept, (place, trial) in enumerate(waiting)
                if place >= room or kept >= self.max_paused or attributes.KIND in trial.user_attrs
            ]
        return found

    def _contenders(self, trials: Iterable[FrozenTrial]) -> list["_Contender"]:
        """Return the trials that have reported and count: neither the retry nor the original of one
        is counted too.
        """
        found = []
        for trial in trials:
            again = trial.user_attrs.get(attributes.RETRIED) or is_finalist(trial)
            if trial.intermediate_values and not again:
                kind = kind_of(trial)
                if kind not in UNCHARGED:
                    rung = self.rung(max(trial.intermediate_values))
                    found.append(_Contender(trial, kind, rung))
        return found

    def _best(self, rung: int, contenders: Iterable["_Contender"]) -> list["_Contender"]:
        """Return those that reached a rung and hold their place in it, the best one first."""
        reached = (one for one in contenders if one.rung >= rung and one.kind in _HOLDS_ITS_PLACE)
        return sorted(reached, key=lambda one: self._key_at(rung, one))

    def _key_at(self, rung: int, one: "_Contender") -> tuple[float, int]:
        """Return the key of a trial's first value at a rung or beyond it."""
        reports, start = one.trial.intermediate_values, self.steps_of(rung)
        first = start if start in reports else min(step for step in reports if step >= start)
        return self._key(reports[first], one.trial.number)

    def _key(self, value: float, number: int) -> tuple[float, int]:
        """Return what sorts the best value first, NaN last, and of equal ones the older trial."""
        if math.isnan(value):
            return math.inf, number
        return (-value if self.direction == "maximize" else value), number


class _Contender(NamedTuple):
    """A trial that counts in the rungs up to its own."""

    trial: FrozenTrial
    kind: str
    rung: int


def _waiting_at(contenders: Iterable[_Contender]) -> set[int]:
    """Return the rungs at which trials are paused."""
    return {one.rung for one in contenders if one.kind == "paused"}
