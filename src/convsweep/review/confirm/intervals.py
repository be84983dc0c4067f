"""Means over seeds, and what is known of the difference between two networks that were trained with
the same seeds.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """A measured value over seeds.

    Attributes:
        n: Number of seeds.
        mean: Their mean.
        std: Sample standard deviation (n - 1); None for one seed.
        low, high: Smallest and largest value.
    """

    n: int
    mean: float
    std: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences with its confidence interval.

    Attributes:
        n: Number of pairs.
        mean: Mean difference.
        std: Sample standard deviation of the differences; None for one pair.
        low, high: Ends of the interval; None for one pair, which tells nothing of the spread.
    """

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None

    @property
    def includes_zero(self) -> bool:
        """Whether no difference at all is inside of the interval, or there is no interval."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def spread(values: Sequence[float]) -> Spread | None:
    """Return mean and spread of the values, or None if there are none."""
    if not values:
        return None
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(len(values), statistics.fmean(values), std, min(values), max(values))


def paired_difference(
    values: Mapping[int, float], others: Mapping[int, float]
) -> Difference | None:
    """Return `values - others` over the seeds that both have, or None if there are none.

    The interval is Student's for the mean of the differences: mean +- t(n - 1) std / sqrt(n).
    Pairing by seed takes out what the seed does to both networks alike.
    """
    differences = [values[seed] - others[seed] for seed in sorted(values.keys() & others.keys())]
    if not differences:
        return None
    n, mean = len(differences), statistics.fmean(differences)
    if n == 1:
        return Difference(n, mean, None, None, None)
    from scipy.stats import t

    std = statistics.stdev(differences)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * std / math.sqrt(n)
    return Difference(n, mean, std, mean - half, mean + half)
