"""Classification: one class a sample, trained by cross-entropy."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassCalibrationError,
    MulticlassF1Score,
)

from convsweep.data.samples import DataInfo
from convsweep.errors import InfeasibleError, UserError
from convsweep.losses.class_loss import ClassLoss
from convsweep.losses.cross_entropy import soft_cross_entropy
from convsweep.models.base import Batch, Model
from convsweep.nets.geometry import shape_text
from convsweep.pictures.prediction import Prediction
from convsweep.pictures.worst import PICTURE, draw_named
from convsweep.task import CLASSIFICATION, Task

# As usual for ImageNet; only for more classes than this.
TOP_K = 5
# Classes that the last line of `predict` names.
SUMMED_CLASSES = 8


class ClassesTask(Task):
    """Base of tasks with class indices as targets: samples are drawn with true and predicted
    classes.
    """

    has_classes = True

    def picture(self, x: NDArray[Any], y: NDArray[Any], logits: Tensor, name: str) -> Prediction:
        return Prediction.of(x, y, logits.softmax(dim=0).cpu().numpy(), name)

    def draw(self, pictures: Sequence[Prediction], info: DataInfo, folder: Path) -> None:
        draw_named(pictures, info.class_names).savefig(folder / PICTURE)


class ClassificationTask(ClassesTask):
    """One class a sample."""

    name = CLASSIFICATION

    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        return ()

    def check_output(
        self, out_shape: tuple[int, ...], in_shape: tuple[int, ...], num_classes: int
    ) -> None:
        if out_shape != (num_classes,):
            remedy = (
                "use model=segmentation"
                if len(out_shape) == len(in_shape)
                else "set the net's num_classes from the data"
            )
            raise InfeasibleError(
                f"a classifier must return {num_classes} numbers a sample, one a class, "
                f"but the net returns {shape_text(out_shape)}; {remedy}, or take another net"
            )

    def columns(self, info: DataInfo) -> list[str]:
        return ["class", "probability", *(f"p_{name}" for name in info.class_names)]

    def cells(self, info: DataInfo, result: NDArray[Any]) -> list[str]:
        best = int(result.argmax())
        return [info.class_names[best], *(f"{value:.6f}" for value in (result[best], *result))]

    def shares(self, info: DataInfo, result: NDArray[Any]) -> NDArray[Any]:
        return np.bincount([result.argmax()], minlength=info.num_classes)

    def summary(self, info: DataInfo, shares: NDArray[Any], count: int) -> str:
        largest = [
            index for index in np.argsort(-shares, kind="stable")[:SUMMED_CLASSES] if shares[index]
        ]
        return ": " + ", ".join(
            f"{info.class_names[index]} ({int(shares[index]):,})" for index in largest
        )

    def shown_columns(self) -> Sequence[int]:
        return range(3)

    def answer_columns(self, info: DataInfo) -> list[str]:
        return ["true", "predicted", "probability"]

    def answers(self, info: DataInfo, logits: Tensor, y: Tensor) -> list[list[str]]:
        probabilities, predicted = logits.float().softmax(dim=1).max(dim=1)
        rows = zip(y.tolist(), predicted.tolist(), probabilities.tolist(), strict=True)
        return [
            [info.class_names[true], info.class_names[best], f"{share:.6f}"]
            for true, best, share in rows
        ]


class Classification(Model):
    """LightningModule for one class a sample.

    Args:
        label_smoothing: probability spread from the label over all classes (Szegedy et al. 2015).
        class_weights: `balanced` weights a class by the inverse of its share of the training split.
        shared: arguments of `Model`.
    """

    task = ClassificationTask()

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        class_weights: Literal["none", "balanced"] = "none",
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        if not 0 <= label_smoothing < 1:
            raise UserError(
                "model.label_smoothing must be a probability, 0 <= label_smoothing < 1, but is"
                f" {label_smoothing}"
            )
        self.label_smoothing = label_smoothing
        refuse_with_given_loss(
            self.given_loss,
            {"label_smoothing": label_smoothing != 0},
            {"class_weights": class_weights != "none"},
        )
        self.register_buffer(
            "class_weight", class_weight(class_weights, self.class_counts), persistent=False
        )

    def make_metrics(self) -> MetricCollection:
        classes = self.info.num_classes
        metrics: dict[str, Any] = {
            "accuracy": MulticlassAccuracy(classes, average="micro", validate_args=False),
            "f1": MulticlassF1Score(classes, average="macro", validate_args=False),
            "calibration_error": MulticlassCalibrationError(
                classes, n_bins=15, validate_args=False
            ),
        }
        if classes > TOP_K:
            metrics["top5"] = MulticlassAccuracy(
                classes, top_k=TOP_K, average="micro", validate_args=False
            )
        return MetricCollection(metrics)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        weight = self.class_weight
        assert weight is None or isinstance(weight, Tensor)
        if isinstance(self.given_loss, ClassLoss):
            loss: Tensor = self.given_loss(logits, y, weight)
            return loss
        if y.is_floating_point():  # of mixed samples
            return soft_cross_entropy(logits, y, weight, self.label_smoothing)
        return F.cross_entropy(logits, y, weight=weight, label_smoothing=self.label_smoothing)

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        metrics.update(logits.float().softmax(dim=1), batch[1])


def refuse_with_given_loss(
    loss: nn.Module | None, own: Mapping[str, bool], of_classes: Mapping[str, bool]
) -> None:
    """Refuse options of the model that a loss of the config would ignore.

    Args:
        loss: that of the config; None: the task's own, which uses all.
        own: whether each option of the task's own loss is on.
        of_classes: whether each option that losses of classes use too is on.

    Raises:
        UserError: an option is on that the loss does not use.
    """
    if loss is None:
        return
    ignored = own if isinstance(loss, ClassLoss) else {**own, **of_classes}
    for name in (name for name, is_on in ignored.items() if is_on):
        raise UserError(
            f"model.{name} is not used by the loss {type(loss).__name__} of model/loss; leave out"
            " one of the two, or give the loss an option of its own"
        )


def class_weight(kind: str, class_counts: Tensor) -> Tensor | None:
    """Return the weight of each class, with mean 1 over the samples and 0 for absent classes; None
    for `none`.
    """
    if kind == "none":
        return None
    counts = torch.as_tensor(class_counts, dtype=torch.float32)
    present = counts > 0
    return torch.where(
        present, counts.sum() / (present.sum() * counts.clamp_min(1)), torch.zeros_like(counts)
    )
