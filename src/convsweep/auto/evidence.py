"""Intervals of scores, and the calibration of probabilities."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convsweep.auto.scores import ScoredAnswers, scored_answers

# Of the normal distribution, for 95 %.
Z = 1.959964
NUM_BINS = 15
NUM_RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a score.

    Attributes:
        low, high: its ends.
        method: how it was computed.
    """

    low: float
    high: float
    method: str


@dataclass(frozen=True)
class Calibration:
    """How probabilities agree with what is right.

    Attributes:
        confidence: mean probability of the answers.
        accuracy: share of right answers.
        error: expected calibration error: the mean distance of the two over bins of probability,
            weighted by their samples (Guo et al. 2017).
        count: number of samples.
    """

    confidence: float
    accuracy: float
    error: float
    count: int


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927), which is right near 0 and 1 too.

    Args:
        right: samples answered rightly.
        count: all samples, at least 1.
    """
    share, square = right / count, Z**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = (
        Z / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def chance(share: float, count: int) -> float:
    """Return the difference of two equally good networks on `count` samples that is exceeded in
    about 5 % of all cases if their mistakes are independent; with one right and one wrong answer
    more for each, so that it also holds near 0 and 1 (Agresti and Caffo 2000).
    """
    middle = (share * count + 1) / (count + 2)
    return Z * math.sqrt(2 * middle * (1 - middle) / (count + 2))


def chance_by_answers(metric: str, rows: Sequence[Mapping[str, str]]) -> float | None:
    """Return the same of any score that has an interval, from the answers of one network: half the
    width of its interval, for two networks. None for a score without a rule, or if nothing follows,
    since all answers are alike.

    Args:
        metric: name of the score, without its part.
        rows: the answers, with the columns of an evaluation's samples.csv.
    """
    found = interval_of_test(metric, rows)
    return None if found is None else math.sqrt(2) * (found.high - found.low) / 2 or None


def points(difference: float) -> str:
    """Return a difference of shares in percentage points."""
    return f"{100 * difference:.1f} points"


def calibration(rows: Sequence[Mapping[str, str]]) -> Calibration | None:
    """Return the calibration of answers with the columns `true`, `predicted` and `probability`;
    None without these.
    """
    if not rows or not {"true", "predicted", "probability"} <= set(rows[0]):
        return None
    answers = [(float(row["probability"]), row["true"] == row["predicted"]) for row in rows]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for probability, is_right in answers:
        number = min(int(probability * NUM_BINS), NUM_BINS - 1)
        bins.setdefault(number, []).append((probability, is_right))
    distances = [
        abs(sum(probability for probability, _ in each) - sum(is_right for _, is_right in each))
        for each in bins.values()
    ]
    count = len(answers)
    return Calibration(
        sum(probability for probability, _ in answers) / count,
        sum(is_right for _, is_right in answers) / count,
        sum(distances) / count,
        count,
    )


def interval_of_test(metric: str, rows: Sequence[Mapping[str, str]]) -> Interval | None:
    """Return the 95 % interval of a test score over samples; None for a score without a rule.

    Wilson's for accuracy; else the percentiles of `NUM_RESAMPLES` bootstrap samples (Efron 1979).
    Samples with a `group` are alike within it, so that groups are resampled, for accuracy too.

    Args:
        metric: name of the score, without its part.
        rows: the answers, with the columns of an evaluation's samples.csv.
    """
    own = scored_answers(metric, rows)
    if own is None:
        return None
    groups = groups_of(rows)
    if metric == "accuracy" and groups is None:
        low, high = wilson(int(own.values.sum()), len(rows))
        return Interval(low, high, "Wilson")
    return bootstrap([own], groups)


def interval_of_difference(
    metric: str, rows: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]
) -> Interval | None:
    """Return the 95 % interval of the difference of two networks' scores on the same samples; None
    for a score without a rule.

    Both are computed on the same bootstrap samples, which removes what is common to both: some
    samples are hard for any network.

    Args:
        metric: name of the score, without its part.
        rows: the answers of the one, with the columns of an evaluation's samples.csv.
        others: those of the other, whose score is subtracted.
    """
    names, other_names = ([row["sample"] for row in each] for each in (rows, others))
    assert names == other_names, "the answers are to the same samples in the same order"
    one, other = scored_answers(metric, rows), scored_answers(metric, others)
    return None if one is None or other is None else bootstrap([one, other], groups_of(rows))


def groups_of(rows: Sequence[Mapping[str, str]]) -> list[NDArray[np.int64]] | None:
    """Return the numbers of the samples of each group; None without groups."""
    if not rows or "group" not in rows[0]:
        return None
    _, numbers = np.unique([row["group"] for row in rows], return_inverse=True)
    return [np.flatnonzero(numbers == number) for number in range(int(numbers.max()) + 1)]


def bootstrap(
    networks: Sequence[ScoredAnswers], groups: Sequence[NDArray[np.int64]] | None = None
) -> Interval:
    """Return the percentiles of a score, or of the difference of two, over bootstrap samples.

    Args:
        networks: one or two.
        groups: the numbers of the samples of each group, which are drawn together; None: samples
            are drawn singly.
    """
    first, *second = networks
    generator = np.random.default_rng(0)
    count = len(first.values) if groups is None else len(groups)
    found = []
    for drawn in generator.integers(count, size=(NUM_RESAMPLES, count)):
        chosen = drawn if groups is None else np.concatenate([groups[number] for number in drawn])
        values = [each.score(each.values[chosen]) for each in (first, *second)]
        found.append(values[0] - sum(values[1:]))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    over = "samples" if groups is None else f"{count} groups"
    return Interval(float(low), float(high), f"bootstrap over {over}")
