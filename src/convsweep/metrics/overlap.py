"""Overlap of predicted and true regions: IoU, Dice and accuracy over all positions, and the mean
Dice over samples.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics.classification import MulticlassConfusionMatrix

MEANS = ("miou", "dice", "foreground_dice", "pixel_accuracy")
OF_EACH_CLASS = ("iou", "dice", "sample_dice")


def overlap_names(class_names: Sequence[str]) -> list[str]:
    """Return the names of the metrics of `Overlap` for these classes."""
    return [*MEANS, *(f"{kind}/{name}" for kind in OF_EACH_CLASS for name in class_names)]


class Overlap(MulticlassConfusionMatrix):
    """IoU, Dice and accuracy from the confusion matrix of all positions.

    With true positives TP, false positives FP and false negatives FN of a class, IoU = TP / (TP +
    FP + FN) and Dice = 2 TP / (2 TP + FP + FN), over all samples together. Where a sample is a case
    (a scan), papers give the mean over samples of the Dice of each: that is `sample_dice`. A class
    that neither occurs nor is predicted has no score and is left out of the means.

    Args:
        class_names: one name a class.
        ignore_index: label of positions to leave out, or None.

    Shape:
        update takes predictions (N, *) and targets (N, *).
    """

    dice_sum: Tensor
    dice_count: Tensor

    def __init__(self, class_names: Sequence[str], ignore_index: int | None = None) -> None:
        super().__init__(len(class_names), ignore_index=ignore_index, validate_args=False)
        self.class_names = list(class_names)
        for name in ("dice_sum", "dice_count"):
            self.add_state(name, torch.zeros(len(class_names)), dist_reduce_fx="sum")

    def update(self, preds: Tensor, target: Tensor) -> None:
        """Count a batch."""
        matrices = confusion_of_each(preds, target, self.num_classes, self.ignore_index)
        self.confmat = self.confmat + matrices.sum(dim=0)
        dice = dice_of(matrices)
        self.dice_sum += dice.nan_to_num().sum(dim=0)
        self.dice_count += (~dice.isnan()).sum(dim=0)

    def compute(self) -> dict[str, Tensor]:  # type: ignore[override]
        """Return miou, dice (means over classes), foreground_dice, pixel_accuracy, and IoU and Dice
        of each class.

        `foreground_dice` is the mean of `sample_dice` over all classes but the first, the
        background.
        """
        matrix = self.confmat
        assert isinstance(matrix, Tensor)
        right, union = matrix.diagonal(), matrix.sum(dim=1) + matrix.sum(dim=0) - matrix.diagonal()
        iou, dice, sample_dice = (
            right / union,
            dice_of(matrix),
            (self.dice_sum / self.dice_count).float(),
        )
        means = iou.nanmean(), dice.nanmean(), sample_dice[1:].nanmean(), right.sum() / matrix.sum()
        scores = dict(zip(MEANS, means, strict=True))
        for kind, values in zip(OF_EACH_CLASS, (iou, dice, sample_dice), strict=True):
            scores |= {
                f"{kind}/{name}": value
                for name, value in zip(self.class_names, values, strict=True)
                if not value.isnan()
            }
        return scores


def confusion_of_each(
    preds: Tensor, target: Tensor, num_classes: int, ignore_index: int | None
) -> Tensor:
    """Return the confusion matrix of each sample, true class (row) by predicted class (column), (N,
    num_classes, num_classes).
    """
    count, cells = len(preds), num_classes**2
    cell = (target * num_classes + preds).flatten(1)
    # ignored positions go to an extra cell, since boolean indexing would synchronise with the
    # device
    if ignore_index is not None:
        cell = torch.where(target.flatten(1) == ignore_index, cells, cell)
    cell = cell + torch.arange(count, device=cell.device).unsqueeze(1) * (cells + 1)
    counts = torch.bincount(cell.flatten(), minlength=count * (cells + 1)).view(count, cells + 1)
    return counts[:, :cells].reshape(count, num_classes, num_classes)


def dice_of(matrix: Tensor) -> Tensor:
    """Return the Dice of each class (*, K) from confusion matrices (*, K, K), NaN for a class that
    neither occurs nor is predicted.
    """
    right = matrix.diagonal(dim1=-2, dim2=-1)
    return 2 * right / (matrix.sum(dim=-1) + matrix.sum(dim=-2))
