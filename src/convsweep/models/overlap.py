"""Overlap of predicted and true regions over a whole data set: IoU, Dice and pixel accuracy from one confusion matrix."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix


class Overlap(MulticlassConfusionMatrix):
    """Counts of all positions, and what follows from them.

    With true positives TP, false positives FP and false negatives FN of a class over all samples,
    IoU = TP / (TP + FP + FN) and Dice = 2 TP / (2 TP + FP + FN). A class that neither occurs nor is predicted has
    no score and does not enter the means.

    Args:
        class_names: one name a class.
        ignore_index: label of positions that do not count, or None.

    Shape:
        update takes predictions (N, *) and targets (N, *).
    """

    def __init__(self, class_names: Sequence[str], ignore_index: int | None = None) -> None:
        super().__init__(len(class_names), ignore_index=ignore_index, validate_args=False)
        self.class_names = list(class_names)

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """Return miou, dice (means over classes), pixel_accuracy and the IoU of each class."""
        matrix = self.confmat
        assert isinstance(matrix, Tensor)
        right, true, predicted = matrix.diagonal(), matrix.sum(dim=1), matrix.sum(dim=0)
        union = true + predicted - right
        iou = right / union
        dice = 2 * right / (true + predicted)
        scores = {
            "miou": iou.nanmean(),
            "dice": dice.nanmean(),
            "pixel_accuracy": right.sum() / matrix.sum(),
        }
        for name, value in zip(self.class_names, iou, strict=True):
            if not torch.isnan(value):
                scores[f"iou/{name}"] = value
        return scores
