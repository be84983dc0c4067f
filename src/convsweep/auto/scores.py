"""Scores of a network from its answers to samples, for any choice of the samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ScoredAnswers:
    """The answers of a network, and the score that follows from them.

    Attributes:
        values: numbers of each sample, (samples, ...).
        score: of the numbers of some samples.
    """

    values: Values
    score: Callable[[Values], float]


def has_rule(metric: str) -> bool:
    """Return whether a score can follow from answers.

    Args:
        metric: name of the score, without its part.
    """
    kind = metric.partition("/")[0]
    return metric in OF_CLASSES or metric == "mean_ap" or kind in OF_NUMBERS or kind in OF_POSITIONS


def scored_answers(metric: str, rows: Sequence[Mapping[str, str]]) -> ScoredAnswers | None:
    """Return what the score of some of the answers follows from; None for a score without a rule.

    Args:
        metric: name of the score, without its part.
        rows: the answers, with the columns of an evaluation's samples.csv.
    """
    if not rows:
        return None
    if metric in OF_CLASSES and {"true", "predicted", "probability"} <= set(rows[0]):
        numbers = {name: n for n, name in enumerate(sorted({row["true"] for row in rows}))}
        for row in rows:
            numbers.setdefault(row["predicted"], len(numbers))
        answers = [[numbers[row["true"]], numbers[row["predicted"]]] for row in rows]
        return OF_CLASSES[metric](np.array(answers, float))
    labels = [key.removeprefix("p_") for key in rows[0] if key.startswith("p_")]
    if metric == "mean_ap" and labels and "true" in rows[0]:
        return mean_ap(rows, labels)
    kind, _, own = metric.partition("/")
    score = OF_NUMBERS.get(kind) or OF_POSITIONS.get(kind)
    kinds = ("right", "true", "predicted") if kind in OF_POSITIONS else ("true", "predicted")
    names = [key.removeprefix("true_") for key in rows[0] if key.startswith("true_")]
    names = [name for name in names if own in ("", name)]
    columns = [f"{kind}_{name}" for name in names for kind in kinds]
    if score is None or not names or not set(columns) <= set(rows[0]):
        return None
    values = np.array([[float(row[key]) for key in columns] for row in rows])
    return ScoredAnswers(values.reshape(len(rows), len(names), len(kinds)), score)


def accuracy(answers: Values) -> ScoredAnswers:
    """Return the share of right answers, from the true and the predicted class (samples, 2)."""
    right = (answers[:, 0] == answers[:, 1]).astype(float)
    return ScoredAnswers(right, lambda chosen: float(chosen.mean()))


def macro_f1(answers: Values) -> ScoredAnswers:
    """Return the mean F1 of the classes, from the true and the predicted class (samples, 2)."""
    count = int(answers.max()) + 1

    def score(chosen: Values) -> float:
        true, predicted = chosen.astype(int).T
        right = np.bincount(true[true == predicted], minlength=count)
        both = np.bincount(true, minlength=count) + np.bincount(predicted, minlength=count)
        return float((2 * right[both > 0] / both[both > 0]).mean())

    return ScoredAnswers(answers, score)


def mean_ap(rows: Sequence[Mapping[str, str]], labels: Sequence[str]) -> ScoredAnswers:
    """Return the mean average precision of labels of which a sample may have several, from their
    probabilities and whether they are true (samples, labels, 2).
    """
    import torch

    from convsweep.metrics.label_scores import precision_recall
    from convsweep.tasks.multi_label import SEPARATOR

    present = [set(row["true"].split(SEPARATOR)) for row in rows]
    values = np.array(
        [
            [[float(row[f"p_{label}"]), label in true] for label in labels]
            for row, true in zip(rows, present, strict=True)
        ]
    )

    def score(chosen: Values) -> float:
        probs, true = torch.from_numpy(chosen).unbind(dim=2)
        return float(precision_recall(probs, true).average_precision.nanmean())

    return ScoredAnswers(values, score)


def mean_iou(values: Values) -> float:
    """Return the mean IoU of classes from positions (samples, classes, 3): right, true,
    predicted.
    """
    right, true, predicted = values.sum(axis=0).T
    union = true + predicted - right
    return float(np.nanmean(np.where(union > 0, right / np.maximum(union, 1), np.nan)))


def mean_dice(values: Values) -> float:
    """Return the mean Dice of classes from positions (samples, classes, 3)."""
    right, true, predicted = values.sum(axis=0).T
    both = true + predicted
    return float(np.nanmean(np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)))


def sample_dice(values: Values) -> float:
    """Return the mean over classes of the mean Dice of samples from positions (samples, classes,
    3).
    """
    right, true, predicted = np.moveaxis(values, 2, 0)
    both = true + predicted
    dice = np.where(both > 0, 2 * right / np.maximum(both, 1), np.nan)
    means = [each[~np.isnan(each)].mean() for each in dice.T if not np.isnan(each).all()]
    return float(np.mean(means))


def foreground_dice(values: Values) -> float:
    """Return the same without the first class, the background."""
    return sample_dice(values[:, 1:])


def pixel_accuracy(values: Values) -> float:
    """Return the share of right positions (samples, classes, 3)."""
    right, true, _ = values.sum(axis=(0, 1))
    return float(right / true)


def mean_r2(values: Values) -> float:
    """Return the mean R2 of numbers (samples, numbers, 2): true, predicted."""
    true, predicted = values[..., 0], values[..., 1]
    total = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    errors = ((true - predicted) ** 2).sum(axis=0)
    return float(np.nanmean(np.where(total > 0, 1 - errors / np.maximum(total, 1e-300), np.nan)))


def mean_absolute_error(values: Values) -> float:
    """Return the mean absolute error of numbers (samples, numbers, 2)."""
    return float(np.abs(values[..., 0] - values[..., 1]).mean())


OF_CLASSES: dict[str, Callable[[Values], ScoredAnswers]] = {"accuracy": accuracy, "f1": macro_f1}
OF_NUMBERS: dict[str, Callable[[Values], float]] = {"r2": mean_r2, "mae": mean_absolute_error}
OF_POSITIONS: dict[str, Callable[[Values], float]] = {
    "miou": mean_iou,
    "iou": mean_iou,
    "dice": mean_dice,
    "sample_dice": sample_dice,
    "foreground_dice": foreground_dice,
    "pixel_accuracy": pixel_accuracy,
}
