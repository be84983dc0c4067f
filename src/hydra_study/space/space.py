"""The search space: parameters in the order of their conditions, and the points in it."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hydra_study.errors import StudyError
from hydra_study.space.expressions import InactiveError
from hydra_study.space.parameters import Parameter


class Suggest(Protocol):
    """Suggests a value for a searched parameter."""

    def __call__(self, name: str, distribution: BaseDistribution) -> Any: ...


@dataclass(frozen=True)
class Point:
    """A point of the space.

    Attributes:
        values: Values of the searched parameters that exist at this point.
        overrides: Overrides that compose its config.
    """

    values: dict[str, Any]
    overrides: list[str]


class Space:
    """All parameters of a search.

    Args:
        parameters: The parameters in any order.

    Raises:
        StudyError: Conditions depend on each other in a circle.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = _in_order(parameters)
        self.searched = {
            p.name: p.distribution for p in self.parameters if p.distribution is not None
        }

    def point(self, suggest: Suggest) -> Point:
        """Return a point; `suggest` is called for each searched parameter whose condition holds.

        Raises:
            StudyError: A computed parameter cannot be computed.
        """
        known: dict[str, Any] = {}
        values: dict[str, Any] = {}
        overrides = []
        for parameter in self.parameters:
            value = parameter.value
            try:
                if parameter.when is not None and not parameter.when(known):
                    continue
                if parameter.compute is not None:
                    value = parameter.compute(known)
            except InactiveError:
                continue
            except (TypeError, ValueError, IndexError, ZeroDivisionError) as error:
                raise StudyError(
                    f"hydra.sweeper.params: {parameter.name!r} cannot be computed at {known}:"
                    f" {error}"
                ) from error
            if parameter.distribution is not None:
                value = values[parameter.name] = suggest(parameter.name, parameter.distribution)
            known[parameter.name] = value
            overrides.append(parameter.override(value))
        return Point(values, [text for text in overrides if text is not None])

    def fixed_overrides(self) -> list[str]:
        """Return the overrides that are the same at every point."""
        same = (
            p
            for p in self.parameters
            if p.distribution is None and p.compute is None and p.when is None
        )
        return [
            text
            for text in (parameter.override(parameter.value) for parameter in same)
            if text is not None
        ]

    def at(self, values: Mapping[str, Any]) -> Point:
        """Return the point with given values; missing ones are the first of their distribution."""
        return self.point(lambda name, distribution: values.get(name, _first(distribution)))

    def random(self, generator: random.Random) -> Point:
        """Return a point with each parameter drawn uniformly (in the logarithm if it is so)."""
        return self.point(lambda name, distribution: _draw(distribution, generator))

    def points(self) -> Iterator[Point]:
        """Yield every point of a finite space once."""
        yield from self._below({})

    def _below(self, values: dict[str, Any]) -> Iterator[Point]:
        missing: list[tuple[str, BaseDistribution]] = []

        def suggest(name: str, distribution: BaseDistribution) -> Any:
            if name not in values and not missing:
                missing.append((name, distribution))
            return values.get(name, _first(distribution))

        point = self.point(suggest)
        if not missing:
            yield point
            return
        name, distribution = missing[0]
        for index in range(_count(distribution) or 0):
            yield from self._below({**values, name: _value(distribution, index)})

    @cached_property
    def size(self) -> int | None:
        """Number of points if it is finite and at most 20,000, else None."""
        if any(_count(distribution) is None for distribution in self.searched.values()):
            return None
        count = sum(1 for _ in itertools.islice(self.points(), 20_001))
        return count if count <= 20_000 else None

    def describe(self) -> dict[str, Any]:
        """Return the definition of the space as plain data, to compare spaces."""
        return {parameter.key: parameter.describe() for parameter in self.parameters}


def _in_order(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Sort the parameters so that each comes after those that its expressions use."""
    ordered: list[Parameter] = []
    waiting = list(parameters)
    while waiting:
        done = {parameter.name for parameter in ordered}
        ready = [p for p in waiting if _needs(p) <= done]
        if not ready:
            names = sorted(parameter.name for parameter in waiting)
            raise StudyError(
                "conditions must not form a circle, but these depend on each other:"
                f" {', '.join(names)}"
            )
        ordered.append(ready[0])
        waiting.remove(ready[0])
    return ordered


def _needs(parameter: Parameter) -> set[str]:
    return {
        name
        for part in (parameter.when, parameter.compute)
        if part is not None
        for name in part.names
    }


def _count(distribution: BaseDistribution) -> int | None:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    if distribution.step is None:
        return None
    return int((distribution.high - distribution.low) / distribution.step + 1e-9) + 1


def _value(distribution: BaseDistribution, index: int) -> Any:
    """Return a value of a finite distribution by its index, without a list of all values, of which
    there may be too many.
    """
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[index]
    assert isinstance(distribution, (IntDistribution, FloatDistribution))
    assert distribution.step is not None
    return distribution.low + index * distribution.step


def _first(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    return distribution.low  # type: ignore[attr-defined]


def _draw(distribution: BaseDistribution, generator: random.Random) -> Any:
    if isinstance(distribution, IntDistribution) and distribution.log:
        # each whole number has the share of the rounded interval, as in Optuna's RandomSampler
        low, high = distribution.low - 0.5, distribution.high + 0.5
        drawn = round(low * (high / low) ** generator.random())
        return min(max(drawn, distribution.low), distribution.high)
    count = _count(distribution)
    if count is not None:
        return _value(distribution, generator.randrange(count))
    assert isinstance(distribution, FloatDistribution)
    if distribution.log:
        return distribution.low * (distribution.high / distribution.low) ** generator.random()
    return generator.uniform(distribution.low, distribution.high)
