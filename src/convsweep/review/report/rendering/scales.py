"""Axes of parameters: numbers, logarithms, categories, and the position of absent values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.phrases import value_text
from convsweep.review.study import Sweep

# Largest number of different values that are shown as groups; more are points along an axis.
FEW = 12


@dataclass(frozen=True)
class Scale:
    """One parameter's axis.

    Attributes:
        name: of the parameter.
        label: shown in figures.
        log: whether it is searched on a log scale.
        groups: its values in order, if there are few; None for many values.
    """

    name: str
    label: str
    log: bool
    groups: tuple[Any, ...] | None

    def place(self, value: Any) -> float:
        """Return the position of a value: its index in the groups, or the value or its decimal
        logarithm.
        """
        if self.groups is not None:
            return float(self.groups.index(value))
        return math.log10(value) if self.log else float(value)

    def coordinate(self, place: float) -> float:
        """Return a position in a figure's coordinates, whose axis takes the logarithm itself."""
        return 10**place if self.log and self.groups is None else place


def scale_of(sweep: Sweep, name: str) -> Scale:
    """Return a parameter's axis, with groups of the values that were tried."""
    distribution = sweep.distributions[name]
    log = isinstance(distribution, FloatDistribution | IntDistribution) and distribution.log
    values = {trial.params[name] for trial in sweep.trials if name in trial.params}
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        others = values.difference(choices)
        if not sweep.is_categorical(name):
            choices.sort()
        return Scale(
            name,
            sweep.labels[name],
            False,
            (*(c for c in choices if c in values), *sorted(others, key=str)),
        )
    is_few = len(values) <= FEW and (
        isinstance(distribution, IntDistribution) or distribution.step is not None  # type: ignore[attr-defined]
    )
    return Scale(name, sweep.labels[name], log, tuple(sorted(values)) if is_few else None)


@dataclass(frozen=True)
class Bin:
    """A part of a parameter's values: a group, or an interval.

    Attributes:
        label: as text.
        trials: with values in it.
        place: its centre on the axis.
    """

    label: str
    trials: Sequence[FrozenTrial]
    place: float


def bins(scale: Scale, trials: Sequence[FrozenTrial], count: int = 5) -> list[Bin]:
    """Return the trials that have the parameter, divided into its groups or `count` intervals of
    equal length.
    """
    own = [trial for trial in trials if scale.name in trial.params]
    if scale.groups is not None:
        found: dict[Any, list[FrozenTrial]] = {value: [] for value in scale.groups}
        for trial in own:
            found[trial.params[scale.name]].append(trial)
        return [
            Bin(value_text(value), members, scale.place(value))
            for value, members in found.items()
            if members
        ]
    if not own:
        return []
    places = [scale.place(trial.params[scale.name]) for trial in own]
    low, width = min(places), (max(places) - min(places)) / count
    parts: list[list[FrozenTrial]] = [[] for _ in range(count)]
    for trial, place in zip(own, places, strict=True):
        parts[min(count - 1, int((place - low) / width) if width else 0)].append(trial)
    return [
        Bin(
            _interval(scale, low + index * width, low + (index + 1) * width),
            members,
            low + (index + 0.5) * width,
        )
        for index, members in enumerate(parts)
        if members
    ]


def _interval(scale: Scale, low: float, high: float) -> str:
    edges = [10**edge if scale.log else edge for edge in (low, high)]
    return "..".join(f"{edge:.2g}" for edge in edges)
