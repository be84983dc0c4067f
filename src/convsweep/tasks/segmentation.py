"""Segmentation: one class a position, trained by per-pixel cross-entropy."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MetricCollection

from convsweep.data.samples import DataInfo
from convsweep.errors import InfeasibleError
from convsweep.losses.class_loss import NO_CLASS, ClassLoss
from convsweep.losses.cross_entropy import CrossEntropy
from convsweep.losses.dice import dice_loss
from convsweep.metrics.overlap import Overlap, confusion_of_each, overlap_names
from convsweep.models.base import Batch, Model
from convsweep.nets.blocks import center_crop_or_pad
from convsweep.nets.geometry import shape_text
from convsweep.nets.sliding_window import SlidingWindow
from convsweep.task import SEGMENTATION, SHOWN_COLUMNS
from convsweep.tasks.classification import (
    SUMMED_CLASSES,
    ClassesTask,
    class_weight,
    refuse_with_given_loss,
)


class SegmentationTask(ClassesTask):
    """One class a position."""

    name = SEGMENTATION
    is_dense = True

    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        return spatial_shape

    def check_output(
        self, out_shape: tuple[int, ...], in_shape: tuple[int, ...], num_classes: int
    ) -> None:
        is_answer = (
            len(out_shape) == len(in_shape)
            and out_shape[0] == num_classes
            and all(0 < out <= size for out, size in zip(out_shape[1:], in_shape[1:], strict=True))
        )
        if not is_answer:
            remedy = (
                "use model=classification"
                if len(out_shape) == 1
                else "set its output channels and size"
            )
            raise InfeasibleError(
                f"a segmentation net must return {num_classes} numbers a position, at most"
                f" {shape_text((num_classes, *in_shape[1:]))}, but the net returns"
                f" {shape_text(out_shape)}; {remedy}, or take another net such as model/net=unet"
            )

    def columns(self, info: DataInfo) -> list[str]:
        return [f"share_{name}" for name in info.class_names]

    def cells(self, info: DataInfo, result: NDArray[Any]) -> list[str]:
        return [f"{share:.6f}" for share in self.shares(info, result)]

    def shares(self, info: DataInfo, result: NDArray[Any]) -> NDArray[Any]:
        counts = np.bincount(result.reshape(-1), minlength=info.num_classes)[: info.num_classes]
        return np.divide(counts, max(1, counts.sum()))

    def summary(self, info: DataInfo, shares: NDArray[Any], count: int) -> str:
        largest = np.argsort(-shares, kind="stable")[:SUMMED_CLASSES]
        return "; on average " + ", ".join(
            f"{info.class_names[i]} {shares[i] / max(1, count):.1%}" for i in largest
        )

    def shown_columns(self) -> Sequence[int]:
        return [0, *range(2, 2 + SHOWN_COLUMNS)]

    def answer_columns(self, info: DataInfo) -> list[str]:
        kinds = ("right", "true", "predicted")
        return [f"{kind}_{name}" for name in info.class_names for kind in kinds]

    def answers(self, info: DataInfo, logits: Tensor, y: Tensor) -> list[list[str]]:
        """Return the numbers of positions of each class and sample."""
        predicted, target = logits.argmax(dim=1), cropped_target(logits, y).long()
        each = confusion_of_each(predicted, target, info.num_classes, info.ignore_index)
        counts = torch.stack([each.diagonal(dim1=1, dim2=2), each.sum(dim=2), each.sum(dim=1)], 2)
        return [[str(count) for count in row] for row in counts.flatten(1).tolist()]


class Segmentation(Model):
    """LightningModule for one class a position; the target is cropped to the output if that is
    smaller.

    For samples of any size (`DataInfo.any_size`), it is trained on crops and applied to whole
    samples in overlapping windows.

    Args:
        dice_weight: weight of the Dice loss, added to the cross-entropy or another loss of classes
            (Milletari et al. 2016).
        class_weights: `balanced` weights a class by the inverse of its share of the training
            split's positions.
        window_overlap: share of a window that the next one overlaps, for samples of any size.
        shared: arguments of `Model`.
    """

    task = SegmentationTask()

    def __init__(
        self,
        *,
        dice_weight: float = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        window_overlap: float = 0.5,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        self.dice_weight = dice_weight
        refuse_with_given_loss(
            self.given_loss,
            {},
            {"dice_weight": dice_weight != 0, "class_weights": class_weights != "none"},
        )
        given = self.given_loss
        self.class_loss = given if isinstance(given, ClassLoss) else CrossEntropy()
        self.windows = SlidingWindow(
            self.window_probs, self.info.spatial_shape, overlap=window_overlap
        )
        self.register_buffer(
            "class_weight", class_weight(class_weights, self.class_counts), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch; for whole samples of any size, the log of the mean
        probabilities of overlapping windows.
        """
        if self.training or not self.info.any_size:
            return super().forward(x)
        # an empty batch of a process with one sample less; len() would fix the batch size in an
        # export
        if x.shape[0] == 0:
            return x.new_zeros((0, self.info.num_classes, *x.shape[2:]), dtype=torch.float32)
        if x.shape[2:] == torch.Size(self.windows.window):
            logits = super().forward(x)
            if logits.shape[2:] == x.shape[2:]:
                return logits
        wholes = [self.windows(sample) for sample in x]
        # in place, since whole samples may be large
        probs = torch.stack(wholes) if len(wholes) > 1 else wholes[0].unsqueeze(0)
        return probs.clamp_min_(torch.finfo(probs.dtype).tiny).log_()

    def set_window(self, shape: Sequence[int]) -> None:
        """Set the spatial shape of the windows in which samples of any size are answered."""
        self.windows = replace(self.windows, window=tuple(shape))

    def window_probs(self, x: Tensor) -> Tensor:
        """Return the probabilities of a batch with the network's own input size."""
        return super().forward(x).softmax(dim=1)

    @property
    def ignore_index(self) -> int:
        """The label of positions that are left out of loss and metrics."""
        return NO_CLASS if self.info.ignore_index is None else self.info.ignore_index

    def make_metrics(self) -> MetricCollection:
        return MetricCollection({"overlap": Overlap(self.info.class_names, self.info.ignore_index)})

    def score_names(self) -> Sequence[str]:
        return overlap_names(self.info.class_names)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        weight = self.class_weight
        assert weight is None or isinstance(weight, Tensor)
        target = cropped_target(logits, y)
        loss: Tensor = self.class_loss(logits, target, weight, self.ignore_index)
        if self.dice_weight:
            loss = loss + self.dice_weight * dice_loss(logits, target, self.ignore_index)
        return loss

    def counted_positions(self, logits: Tensor, y: Tensor) -> Tensor | None:
        if self.info.ignore_index is None:
            return None
        return cropped_target(logits, y) != self.info.ignore_index

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        metrics.update(logits.argmax(dim=1), cropped_target(logits, batch[1]))


def cropped_target(logits: Tensor, y: Tensor) -> Tensor:
    """Return the target (N, *), cropped around its centre to the size of the logits (N, K, *)."""
    if logits.shape[2:] == y.shape[1:]:
        return y
    return torch.squeeze(center_crop_or_pad(y.unsqueeze(1), logits.shape[2:]), dim=1)
