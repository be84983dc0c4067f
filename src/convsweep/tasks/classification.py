"""Classification: one class a sample, cross-entropy."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassCalibrationError, MulticlassF1Score

from convsweep.errors import UserError
from convsweep.models.base import Batch, Model

TOP_K = 5


class Classification(Model):
    """A network that gives one class a sample.

    Args:
        label_smoothing: probability moved from the label to all classes (Szegedy et al. 2015).
        class_weights: `balanced` weighs a class by the inverse of its share of the training split.
        shared: arguments of `Model`.
    """

    def __init__(
        self, *, label_smoothing: float = 0.0, class_weights: Literal["none", "balanced"] = "none", **shared: Any
    ) -> None:
        super().__init__(**shared)
        if not 0 <= label_smoothing < 1:
            raise UserError(f"model.label_smoothing must be a probability, 0 <= label_smoothing < 1, but is {label_smoothing}")
        self.label_smoothing = label_smoothing
        self.register_buffer("class_weight", class_weight(class_weights, self.class_counts), persistent=False)

    def make_metrics(self) -> MetricCollection:
        classes = self.info.num_classes
        metrics: dict[str, Any] = {
            "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
            "f1": MulticlassF1Score(classes, average="macro", validate_args=False),
            "calibration_error": MulticlassCalibrationError(classes, n_bins=15, validate_args=False),
        }
        if classes > TOP_K:
            metrics["top5"] = MulticlassAccuracy(classes, top_k=TOP_K, average="micro", validate_args=False)
        return MetricCollection(metrics)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        weight = self.class_weight
        assert weight is None or isinstance(weight, Tensor)
        return F.cross_entropy(logits, y, weight=weight, label_smoothing=self.label_smoothing)

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        metrics.update(logits.float().softmax(dim=1), batch[1])


def class_weight(kind: str, class_counts: Tensor) -> Tensor | None:
    """Return one weight a class with mean 1 over the samples, or None for `none`; absent classes weigh nothing."""
    if kind == "none":
        return None
    counts = torch.as_tensor(class_counts, dtype=torch.float32)
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp_min(1)), torch.zeros_like(counts))
