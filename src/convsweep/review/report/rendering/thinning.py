"""Selection of trials to draw: the best, and an even sample of the others, so that pages stay
fast.
"""

from collections.abc import Sequence
from typing import TypeVar

from optuna.trial import FrozenTrial

Item = TypeVar("Item")


def evenly(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most `count` evenly spaced items, including the first and the last."""
    if len(items) <= count:
        return list(items)
    step = (len(items) - 1) / max(1, count - 1)
    return [items[round(index * step)] for index in range(count)]


def thin_out(ranked: Sequence[FrozenTrial], count: int) -> list[FrozenTrial]:
    """Return at most `count` trials in order of their numbers: the best fifth of `count`, then
    evenly by rank.
    """
    best = list(ranked[: count // 5])
    chosen = best + evenly(ranked[len(best) :], count - len(best))
    return sorted(chosen, key=lambda trial: trial.number)


def thinning_note(drawn: int, total: int) -> str:
    """Return a sentence about the trials left out, empty without any."""
    if drawn == total:
        return ""
    return (
        f" {drawn:,} of {total:,} complete trials are drawn: the best and an even sample of the"
        " others."
    )
