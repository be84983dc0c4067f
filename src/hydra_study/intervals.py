"""Means over seeds or folds, and confidence intervals of paired differences of networks."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Spread:
    """A measured value over seeds.

    Attributes:
        n: number of seeds.
        mean: mean of the values.
        std: sample standard deviation (n - 1); None for one seed.
        low, high: smallest and largest value.
    """

    n: int
    mean: float
    std: float | None
    low: float
    high: float

    @property
    def standard_error(self) -> float | None:
        """The standard error of the mean; None for one seed."""
        return None if self.std is None else self.std / math.sqrt(self.n)


@dataclass(frozen=True)
class Difference:
    """The mean of paired differences with its confidence interval.

    Attributes:
        n: number of pairs.
        mean: mean difference.
        std: sample standard deviation of the differences; None for one pair.
        low, high: ends of the interval; None for one pair.
    """

    n: int
    mean: float
    std: float | None
    low: float | None
    high: float | None

    @property
    def includes_zero(self) -> bool:
        """Whether the interval includes zero, or there is no interval."""
        return self.low is None or self.high is None or self.low <= 0 <= self.high


def spread(values: Sequence[float]) -> Spread | None:
    """Return mean and spread of the values, or None without values."""
    if not values:
        return None
    std = statistics.stdev(values) if len(values) > 1 else None
    return Spread(len(values), statistics.fmean(values), std, min(values), max(values))


def paired_difference(
    values: Mapping[int, float], others: Mapping[int, float], overlap: float = 0.0
) -> Difference | None:
    """Return `values - others` over common seeds or folds, or None without common ones.

    The interval is Student's for the mean of the differences: mean +- t(n - 1) std sqrt(1/n +
    overlap). Pairing by seed or fold removes the effect of what both networks share.

    Args:
        values: by seed or fold.
        others: of the other network.
        overlap: of k folds 1 / (k - 1), the samples of a fold as a share of those trained on: their
            trainings share samples, so that their mean varies more than that of independent ones
            (Nadeau and Bengio 2003, Inference for the generalization error).
    """
    differences = [values[seed] - others[seed] for seed in sorted(values.keys() & others.keys())]
    if not differences:
        return None
    n, mean = len(differences), statistics.fmean(differences)
    if n == 1:
        return Difference(n, mean, None, None, None)
    from scipy.stats import t

    std = statistics.stdev(differences)
    half = float(t.ppf((1 + CONFIDENCE) / 2, n - 1)) * std * math.sqrt(1 / n + overlap)
    return Difference(n, mean, std, mean - half, mean + half)
