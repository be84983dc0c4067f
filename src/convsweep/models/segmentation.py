"""Segmentation: one class a position, per-pixel cross-entropy."""

from typing import Any, Literal

import torch
from torch import Tensor
from torchmetrics import MetricCollection

from convsweep.losses import cross_entropy, dice_loss
from convsweep.models.base import Model
from convsweep.models.classification import class_weight
from convsweep.models.overlap import Overlap
from convsweep.nets.blocks import fit_to

NO_CLASS = -100
"""The label that torch's cross-entropy leaves out where the data set names no other."""


class Segmentation(Model):
    """A network that gives one class a position; where its output is smaller than the input, the target is cropped.

    Args:
        dice_weight: weight of the Dice loss beside the cross-entropy (Milletari et al. 2016).
        class_weights: `balanced` weighs a class by the inverse of its share of the training split's positions.
        shared: arguments of `Model`.
    """

    def __init__(self, *, dice_weight: float = 0.0, class_weights: Literal["none", "balanced"] = "none", **shared: Any) -> None:
        super().__init__(**shared)
        self.dice_weight = dice_weight
        self.register_buffer("class_weight", class_weight(class_weights, self.class_counts), persistent=False)

    @property
    def ignore_index(self) -> int:
        """The label of positions that do not count."""
        return NO_CLASS if self.facts.ignore_index is None else self.facts.ignore_index

    def make_metrics(self) -> MetricCollection:
        return MetricCollection({"overlap": Overlap(self.facts.class_names, self.facts.ignore_index)})

    def metric_names(self) -> list[str]:
        of_each = (f"{kind}/{name}" for kind in ("iou", "dice", "sample_dice") for name in self.facts.class_names)
        scores = ("miou", "dice", "foreground_dice", "pixel_accuracy", *of_each)
        return ["train/loss", "val/loss", *(f"val/{name}" for name in scores)]

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        weight = self.class_weight
        assert weight is None or isinstance(weight, Tensor)
        target = cropped_target(logits, y)
        loss = cross_entropy(logits, target, weight, self.ignore_index)
        if self.dice_weight:
            loss = loss + self.dice_weight * dice_loss(logits, target, self.ignore_index)
        return loss

    def score(self, metrics: MetricCollection, logits: Tensor, y: Tensor) -> None:
        metrics.update(logits.argmax(dim=1), cropped_target(logits, y))


def cropped_target(logits: Tensor, y: Tensor) -> Tensor:
    """Return the target (N, *) around its centre where the logits (N, K, *) are smaller."""
    if logits.shape[2:] == y.shape[1:]:
        return y
    return torch.squeeze(fit_to(y.unsqueeze(1), logits.shape[2:]), dim=1)
