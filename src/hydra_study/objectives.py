"""Objectives of a sweep: one or several named values, each with a direction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hydra_study.errors import StudyError

_DIRECTIONS = {"minimize": "minimize", "min": "minimize", "maximize": "maximize", "max": "maximize"}


@dataclass(frozen=True)
class Objectives:
    """Names and directions of the values that a trial returns, in order.

    Attributes:
        names: Their names.
        directions: `minimize` or `maximize` for each.
        prune_on: Name of the objective that trials report and pruning compares, or None.
    """

    names: tuple[str, ...]
    directions: tuple[str, ...]
    prune_on: str | None

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.names) > 1

    @property
    def reported_direction(self) -> str:
        """Direction of the objective that is reported while a trial runs."""
        return self.directions[self.names.index(self.prune_on) if self.prune_on else 0]

    @property
    def maximizes(self) -> bool:
        """Whether larger values of the first objective are better."""
        return self.directions[0] == "maximize"

    def is_as_good(self, value: float, other: float) -> bool:
        """Whether `value` of the first objective is at least as good as `other`."""
        return value <= other if self.directions[0] == "minimize" else value >= other


def parse_objectives(direction: Any, prune_on: str | None) -> Objectives:
    """Read `hydra.sweeper.direction`: a word, a list of words, or a mapping name -> word.

    Raises:
        StudyError: A direction is unknown, or `prune_on` names no objective.
    """
    if isinstance(direction, str):
        named = {"value": direction}
    elif isinstance(direction, Mapping):
        named = dict(direction)
    elif isinstance(direction, Sequence):
        named = {f"value_{index}": word for index, word in enumerate(direction)}
    else:
        named = {"value": str(direction)}
    wrong = [word for word in named.values() if str(word) not in _DIRECTIONS]
    if wrong or not named:
        raise StudyError(
            f"hydra.sweeper.direction must be minimize or maximize, but got {direction}"
        )
    if prune_on is not None and prune_on not in named:
        raise StudyError(
            f"hydra.sweeper.prune_on must be one of {', '.join(named)}, but got {prune_on!r}"
        )
    return Objectives(
        tuple(named), tuple(_DIRECTIONS[str(word)] for word in named.values()), prune_on
    )
