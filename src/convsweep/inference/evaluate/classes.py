"""Scores of each class from a confusion matrix."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convsweep.task import Row


def per_class(
    confusion: NDArray[np.int64], names: Sequence[str], is_segmentation: bool
) -> list[Row]:
    """Return a row for each class: number of samples or positions, precision, recall, F1, and IoU
    for segmentation.

    With true positives TP, false positives FP and false negatives FN: precision = TP / (TP + FP),
    recall = TP / (TP + FN), F1 (which is the Dice coefficient) = 2 TP / (2 TP + FP + FN), IoU = TP
    / (TP + FP + FN); None if the denominator is 0.
    """
    rows: list[Row] = []
    for index, name in enumerate(names):
        right, true, predicted = (
            int(n)
            for n in (confusion[index, index], confusion[index].sum(), confusion[:, index].sum())
        )
        row: Row = {
            "class": name,
            "count": true,
            "precision": share(right, predicted),
            "recall": share(right, true),
            "dice" if is_segmentation else "f1": share(2 * right, true + predicted),
        }
        rows.append(
            row | ({"iou": share(right, true + predicted - right)} if is_segmentation else {})
        )
    return rows


def share(part: int, whole: int) -> float | None:
    """Return the quotient, or None if `whole` is 0."""
    return part / whole if whole else None
