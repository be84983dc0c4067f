"""How certain a score on samples is, and whether probabilities are honest."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
    5 % of all cases if their mistakes are independent, by the normal approximation.
    """
    return Z * math.sqrt(2 * share * (1 - share) / count)


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

    Args:
        metric: name of the score, without its part.
        rows: the answers, with the columns of an evaluation's samples.csv.
    """
    if not rows:
        return None
    if metric == "accuracy" and {"true", "predicted"} <= set(rows[0]):
        low, high = wilson(sum(row["true"] == row["predicted"] for row in rows), len(rows))
        return Interval(low, high, "Wilson")
    kind, _, own = metric.partition("/")
    score = SCORES.get(kind)
    kinds = ("right", "true", "predicted") if kind in OF_POSITIONS else ("true", "predicted")
    names = [key.removeprefix("true_") for key in rows[0] if key.startswith("true_")]
    names = [name for name in names if own in ("", name)]
    columns = [f"{kind}_{name}" for name in names for kind in kinds]
    if score is None or not names or not set(columns) <= set(rows[0]):
        return None
    values = np.array([[float(row[key]) for key in columns] for row in rows])
    values = values.reshape(len(rows), len(names), len(kinds))
    generator = np.random.default_rng(0)
    chosen = generator.integers(len(rows), size=(NUM_RESAMPLES, len(rows)))
    found = [score(values[each]) for each in chosen]
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Interval(float(low), float(high), "bootstrap over samples")


def mean_iou(values: NDArray[np.float64]) -> float:
    """Return the mean IoU of classes from positions (samples, classes, 3): right, true,
    predicted.
    """
    right, true, predicted = values.sum(axis=0).T
    union = true + predicted - right
    return float(np.nanmean(np.where(union > 0, right / np.maximum(union, 1), np.nan)))


def mean_dice(values: NDArray[np.float64]) -> float:
    """Return the mean Dice of classes from positions (samples, classes, 3)."""
    right, true, predicted = values.sum(axis=0).T
    both = true + predicted
    return float(np.nanmean(np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)))


def sample_dice(values: NDArray[np.float64]) -> float:
    """Return the mean over classes of the mean Dice of samples from positions (samples, classes,
    3).
    """
    right, true, predicted = np.moveaxis(values, 2, 0)
    both = true + predicted
    dice = np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)
    means = [each[~np.isnan(each)].mean() for each in dice.T if not np.isnan(each).all()]
    return float(np.mean(means))


def foreground_dice(values: NDArray[np.float64]) -> float:
    """Return the same without the first class, the background."""
    return sample_dice(values[:, 1:])


def pixel_accuracy(values: NDArray[np.float64]) -> float:
    """Return the share of right positions (samples, classes, 3)."""
    right, true, _ = values.sum(axis=(0, 1))
    return float(right / true)


def mean_r2(values: NDArray[np.float64]) -> float:
    """Return the mean R2 of numbers (samples, numbers, 2): true, predicted."""
    true, predicted = values[..., 0], values[..., 1]
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    errors = ((true - predicted) ** 2).sum(axis=0)
    return float(np.nanmean(np.where(total > 0, 1 - errors / np.maximum(total, 1e-300), np.nan)))


def mean_absolute_error(values: NDArray[np.float64]) -> float:
    """Return the mean absolute error of numbers (samples, numbers, 2)."""
    return float(np.abs(values[..., 0] - values[..., 1]).mean())


SCORES: dict[str, Callable[[NDArray[np.float64]], float]] = {
    "miou": mean_iou,
    "iou": mean_iou,
    "dice": mean_dice,
    "sample_dice": sample_dice,
    "foreground_dice": foreground_dice,
    "pixel_accuracy": pixel_accuracy,
    "r2": mean_r2,
    "mae": mean_absolute_error,
}
OF_POSITIONS = ("miou", "iou", "dice", "sample_dice", "foreground_dice", "pixel_accuracy")
