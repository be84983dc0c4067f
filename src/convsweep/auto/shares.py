"""The shares of a budget that the stages get, and what is left out if it is too small.

All amounts are of one unit: seconds, or epochs of training where these are the limit. What does not
fit is left out in this order: finalists and seeds, half or three quarters of the length of the
trainings, the search with its finalists, the training on all data.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from convsweep.cli.duration import duration_text
from convsweep.errors import UserError

# The largest share of finalists; the search has the rest.
FINALS_SHARE = 0.5
# Of what is left after the baseline, for the training on all data: longer than those before, up to
# the plan's longest.
WINNER_SHARE = 0.25
# Shares of the baseline's length that trainings of search and finalists may have.
LENGTHS = (1.0, 0.5, 0.25)
# What a training of a finalist is taken to cost before the search has found it, in trainings of the
# baseline: the best networks are mostly larger, and a search without finalists is in vain.
FINALIST = 1.5
# A search shorter than this many trainings finds little: the baseline is one of them.
MIN_TRAININGS = 5


@dataclass(frozen=True)
class FinalsChoice:
    """How finalists are compared with the baseline.

    Attributes:
        top: how many.
        each: trainings of each, and of the baseline.
        by: what these differ in.
    """

    top: int
    each: int
    by: Literal["seeds", "folds"] = "seeds"

    @property
    def num_trainings(self) -> int:
        """Trainings of all, with the baseline."""
        return (self.top + 1) * self.each

    def __str__(self) -> str:
        return f"{self.top} with {self.each} {self.by} each"


# With fewer trainings of each no mean is compared.
LEAST = FinalsChoice(1, 3)


@dataclass(frozen=True)
class Costs:
    """What the parts of a run cost.

    Attributes:
        training: one training of the baseline.
        retraining: the training on all data that is not test, of the same length.
        longest: the same with the most epochs that are of use; 0: not longer.
        start: what each command costs before and after its work (imports, reading the data).
        ending: test, export and report together.
        at_once: trainings that run side by side.
        of_best: one training of each of the best trials, the best first; those that are not known
            cost `FINALIST` times as much as the baseline's.
    """

    training: float
    retraining: float
    longest: float = 0.0
    start: float = 0.0
    ending: float = 0.0
    at_once: float = 1.0
    of_best: tuple[float, ...] = ()

    def of_finals(self, finals: FinalsChoice) -> float:
        """Return what finalists and the baseline cost."""
        known = self.of_best[: finals.top]
        unknown = (finals.top - len(known)) * FINALIST * self.training
        seed = sum(known) + unknown + self.training
        return self.start + finals.each * seed / self.at_once

    @property
    def of_winner(self) -> float:
        """What the training on all data costs, if it is no longer than the baseline's."""
        return self.start + self.retraining

    @property
    def longest_winner(self) -> float:
        """What the training on all data costs with the most epochs that are of use."""
        return self.start + max(self.longest, self.retraining)

    def winner_of(self, free: float) -> float:
        """Return what the training on all data may have of what is free for search, finalists and
        itself.
        """
        return min(self.longest_winner, max(self.of_winner, WINNER_SHARE * free))

    def largest_finalist(self, seconds: float, planned: FinalsChoice) -> float:
        """Return how many times as much as a training of the baseline one of a finalist may cost,
        so that some seconds hold one finalist with the fewest trainings.

        Args:
            seconds: the time of the finalists.
            planned: the finalists that it is meant for.
        """
        seed = (seconds - self.start) * self.at_once / min(LEAST.each, planned.each)
        return seed / self.training - 1

    @property
    def of_search(self) -> float:
        """What the shortest search that is worth it costs."""
        return self.start + MIN_TRAININGS * self.training / self.at_once

    @property
    def least(self) -> float:
        """What the baseline and its test cost."""
        return 2 * self.start + self.training


@dataclass(frozen=True)
class Shares:
    """What each stage may use.

    Attributes:
        search: of the search; 0 if it is left out.
        finals: of the finalists; 0 if they are left out.
        winner: of the training on all data; 0 if it is left out.
        chosen: which finalists; None without.
        length: of the trainings of search and finalists, as a share of the baseline's.
        left_out: a sentence for each thing that does not fit.
    """

    search: float
    finals: float
    winner: float
    chosen: FinalsChoice | None = None
    length: float = 1.0
    left_out: tuple[str, ...] = ()


def choices(
    top: int, seeds: int, folds: int | None = None, *, only_folds: bool = False
) -> list[FinalsChoice]:
    """Return the finalists to try, the wanted ones first. Finalists are left out before seeds: with
    three seeds an interval is twice as wide as with five.

    Args:
        top: how many are wanted.
        seeds: how many trainings of each.
        folds: into how many folds the data is divided; None: into none. No fold can be left out.
        only_folds: whether seeds are no substitute.
    """
    of_folds = (
        []
        if folds is None
        else [FinalsChoice(number, folds, "folds") for number in range(top, 0, -1)]
    )
    if of_folds and only_folds:
        return of_folds
    fewer_finalists = [FinalsChoice(number, seeds) for number in range(top, 0, -1)]
    fewer_seeds = [FinalsChoice(1, each) for each in range(seeds - 1, LEAST.each - 1, -1)]
    return [*of_folds, *fewer_finalists, *fewer_seeds]


def share_out(
    left: float, costs: Costs, wanted: Sequence[FinalsChoice], shortest: float = 1.0
) -> Shares:
    """Share out what is left after the baseline.

    Args:
        left: the unspent budget.
        costs: of the parts.
        wanted: the finalists to try, the wanted ones first.
        shortest: share of the baseline's length below which no training is worth it.
    """
    lengths = lengths_from(shortest)
    reserved = costs.winner_of(left - costs.ending)
    for winner, length in [*((reserved, each) for each in lengths), (costs.of_winner, lengths[-1])]:
        free = left - costs.ending - winner
        shorter = replace(costs, training=length * costs.training)
        for each in wanted:
            finals = shorter.of_finals(each)
            if finals <= FINALS_SHARE * free and free - finals >= shorter.of_search:
                said = _left_out(each, wanted[0], length)
                return Shares(free - finals, finals, winner, each, length, said)
    fits = costs.of_winner <= left - costs.start  # of the test; the rest can be done later
    missing = ["the search and its finalists: the baseline is the network"]
    return Shares(
        0.0,
        0.0,
        max(costs.of_winner, min(left - costs.ending, costs.longest_winner)) if fits else 0.0,
        left_out=tuple(missing if fits else [*missing, _NO_RETRAINING]),
    )


def lengths_from(shortest: float) -> list[float]:
    """Return the lengths that trainings of search and finalists may have, the longest first."""
    return [length for length in LENGTHS if length == 1 or length >= shortest]


def least_with_search(costs: Costs, finals: FinalsChoice, shortest: float) -> float:
    """Return what the shortest search that is worth it, its finalists and the ending cost.

    Args:
        costs: of the parts.
        finals: the fewest finalists.
        shortest: as in `share_out`.
    """
    shorter = replace(costs, training=lengths_from(shortest)[-1] * costs.training)
    needed = shorter.of_finals(finals)
    return max(needed / FINALS_SHARE, needed + shorter.of_search) + costs.ending


def fewer(one: FinalsChoice | None, other: FinalsChoice | None) -> FinalsChoice | None:
    """Return the finalists with fewer trainings; None if either is."""
    if one is None or other is None:
        return None
    return min(one, other, key=lambda each: each.num_trainings)


def fit_finals(free: float, costs: Costs, wanted: Sequence[FinalsChoice]) -> FinalsChoice | None:
    """Return the finalists that fit, once the search says what they cost; None if not even the
    least do.
    """
    return next((each for each in wanted if costs.of_finals(each) <= free), None)


def check_least(total: float, spent: float, costs: Costs, text: str) -> None:
    """Check that a budget holds one training.

    Raises:
        UserError: it does not; the message says what it would take.
    """
    needed = spent + costs.least
    if total < needed:
        before = f" with the {duration_text(spent)} that are spent" if spent >= 1.0 else ""
        raise UserError(
            f"the budget must hold at least one training of the baseline and its test, which take"
            f" {text}{before}; give more, or shorten it by trainer.max_epochs"
        )


_NO_RETRAINING = "the training on all data: the network is one of the trainings before"
_SHORTER = {0.5: "half", 0.25: "a quarter"}


def _left_out(chosen: FinalsChoice, wanted: FinalsChoice, length: float) -> tuple[str, ...]:
    said = [] if chosen == wanted else [f"finalists: {chosen} instead of {wanted}"]
    if length < 1:
        said.append(
            f"long trainings: those of search and finalists have {_SHORTER[length]} of the"
            " baseline's epochs"
        )
    return tuple(said)
