"""A prior over the space: points that are believed to be good, whose influence fades."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from hydra_study import attributes
from hydra_study.trials.delegating import DelegatingSampler

# Of the first trial; it has halved after `_HALVES_AFTER` trials.
_FIRST_PROBABILITY = 0.5
_HALVES_AFTER = 10
# Relative to the range, as in PriorBand.
_STANDARD_DEVIATION = 0.25
_KEEP_CHOICE = 0.5


class PriorSampler(DelegatingSampler):
    """A sampler that sometimes draws near one of some points, and otherwise leaves it to another
    one. The probability is `0.5 * 10 / (10 + n)` after n trials: of 40 trials some 8 are drawn so,
    of 100 some 12.

    A number is drawn from a normal distribution around the point's, truncated to the range (on the
    logarithmic scale where the range is logarithmic); a choice is kept every other time, and else
    drawn at random, as are parameters that the point does not have.

    Source: Mallik et al., "PriorBand: Practical Hyperparameter Optimization in the Age of Deep
    Learning", NeurIPS 2023 (the distribution around a point); that the prior fades is from Hvarfner
    et al., "piBO", ICLR 2022. We mix two samplers instead of weighting an acquisition function, so
    that any sampler can be the other one.

    Args:
        sampler: The other sampler.
        points: The points; at least one.
        seed: Seed of the draws.
    """

    def __init__(
        self, sampler: BaseSampler, points: Sequence[Mapping[str, Any]], seed: int | None
    ) -> None:
        super().__init__(sampler)
        self._points = points
        self._random = random.Random(seed)
        self._drawn: tuple[int, int] | None = None

    def __str__(self) -> str:
        return f"{self.sampler} with a prior"

    def begin(self, trial: Trial, num_trials: int) -> None:
        """Decide whether a new trial is drawn near a point, and note in it near which. To be called
        before it suggests parameters, and not for trials that were queued with some.

        Args:
            trial: The trial.
            num_trials: How many others count towards `n_trials`.
        """
        if self._random.random() < probability(num_trials):
            self._drawn = trial.number, self._random.randrange(len(self._points))
            trial.set_user_attr(attributes.PRIOR, self._drawn[1])

    def is_own(self, trial: FrozenTrial) -> bool:
        """Return whether the trial is drawn near a point."""
        return self._drawn is not None and self._drawn[0] == trial.number

    def draw(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Return a value near the point's."""
        assert self._drawn is not None, "only called for trials of its own"
        return near(self._points[self._drawn[1]].get(name), distribution, self._random)

    def reseed_rng(self) -> None:
        """Give both samplers new seeds."""
        self._random.seed()
        super().reseed_rng()


def probability(num_trials: int) -> float:
    """Return with which probability the next trial is drawn near a point."""
    return _FIRST_PROBABILITY * _HALVES_AFTER / (_HALVES_AFTER + num_trials)


def near(
    value: Any,
    distribution: BaseDistribution,
    rng: random.Random,
    deviation: float = _STANDARD_DEVIATION,
) -> Any:
    """Return a random value near another one, or any if that is None.

    Args:
        value: The other value.
        distribution: The parameter.
        rng: Draws.
        deviation: The standard deviation of a number, relative to the range.
    """
    if isinstance(distribution, CategoricalDistribution):
        is_kept = value is not None and rng.random() < _KEEP_CHOICE
        return value if is_kept else rng.choice(distribution.choices)
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    is_log = distribution.log
    # each value of a grid has the share of what is rounded to it
    margin = (distribution.step or 0) / 2 if distribution.low < distribution.high else 0
    low, high = (
        math.log(end) if is_log else float(end)
        for end in (distribution.low - margin, distribution.high + margin)
    )
    if value is None:
        drawn = rng.uniform(low, high)
    else:
        centre = math.log(float(value)) if is_log else float(value)
        drawn = _truncated_normal(centre, deviation * (high - low), low, high, rng)
    return nearest(math.exp(drawn) if is_log else drawn, distribution)


def nearest(value: Any, distribution: BaseDistribution) -> Any:
    """Return the value of a parameter that is nearest to a number; a choice stays."""
    if isinstance(distribution, CategoricalDistribution):
        return value
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    number = value
    if distribution.step is not None:
        steps = round((number - distribution.low) / distribution.step)
        number = distribution.low + steps * distribution.step
    number = min(max(number, distribution.low), distribution.high)
    return int(number) if isinstance(distribution, IntDistribution) else float(number)


def _truncated_normal(
    mean: float, std: float, low: float, high: float, rng: random.Random
) -> float:
    """Return a draw by rejection; at least about half of all draws are inside, as the mean is."""
    if not low < high:
        return low
    while True:
        drawn = rng.gauss(mean, std)
        if low <= drawn <= high:
            return drawn
