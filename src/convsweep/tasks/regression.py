"""Regression: one or several numbers a sample, trained by their distance from the true ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import MetricCollection

from convsweep.data.checks import examples
from convsweep.data.samples import DataInfo, Samples
from convsweep.errors import UserError
from convsweep.metrics.number_errors import NumberErrors, error_names
from convsweep.models.base import Batch, Model
from convsweep.pictures.agreement import draw_agreement
from convsweep.pictures.captioned import Answered, draw_captioned
from convsweep.pictures.worst import PICTURE
from convsweep.task import REGRESSION, Row, Task
from convsweep.tasks.classification import refuse_with_given_loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Numbers that a caption names.
SHOWN_NUMBERS = 4


class RegressionTask(Task):
    """One or several numbers a sample, each in its own unit."""

    name = REGRESSION

    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (num_classes,)

    def count_targets(self, train: Samples, info: DataInfo) -> NDArray[np.int64]:
        y = np.asarray(train.y)
        constant = [name for name, column in zip(info.class_names, y.T, strict=True)
                    if (column == column[0]).all()]  # fmt: skip
        if constant:
            raise UserError(
                f"Numbers to predict must differ from sample to sample, but {examples(constant)} is"
                f" the same in all {len(train)} of the training part; leave it out or add samples."
            )
        return super().count_targets(train, info)

    def cells(self, info: DataInfo, result: NDArray[Any]) -> list[str]:
        return [number(value) for value in result]

    def shares(self, info: DataInfo, result: NDArray[Any]) -> NDArray[Any]:
        return result

    def summary(self, info: DataInfo, shares: NDArray[Any], count: int) -> str:
        means = zip(info.class_names[:SHOWN_NUMBERS], shares / max(1, count), strict=False)
        return "; on average " + ", ".join(f"{name} {number(mean)}" for name, mean in means)

    def answer_columns(self, info: DataInfo) -> list[str]:
        return [f"{kind}_{name}" for name in info.class_names for kind in ("true", "predicted")]

    def answers(self, info: DataInfo, logits: Tensor, y: Tensor) -> list[list[str]]:
        pairs = torch.stack([y, logits], dim=2).flatten(1)
        return [[number(value) for value in row] for row in pairs.tolist()]

    def rows(self, info: DataInfo, outputs: Tensor, y: Tensor) -> list[Row]:
        found = []
        for name, predicted, true in zip(info.class_names, outputs.T, y.T, strict=True):
            errors = NumberErrors([name])
            errors.update((predicted - true.mean())[:, None], (true - true.mean())[:, None])
            scores = {kind: float(score) for kind, score in errors.compute().items()}
            found.append(Row(number=name, mean=float(true.mean()), **scores))
        return found

    def figures(self, info: DataInfo, outputs: Tensor, y: Tensor) -> dict[str, "Figure"]:
        return {"predicted_true": draw_agreement(outputs.numpy(), y.numpy(), info.class_names)}

    def picture(self, x: NDArray[Any], y: NDArray[Any], logits: Tensor, name: str) -> Answered:
        return Answered(x, name, y, logits.cpu().numpy())

    def samples_figure(self, pictures: Sequence[Answered], info: DataInfo) -> "Figure":
        captions = [caption(info.class_names, each.true, each.predicted) for each in pictures]
        return draw_captioned(pictures, captions)

    def draw(self, pictures: Sequence[Answered], info: DataInfo, folder: Path) -> None:
        self.samples_figure(pictures, info).savefig(folder / PICTURE)


class Regression(Model):
    """A network that predicts numbers.

    The network learns numbers normalised to mean 0 and standard deviation 1 over the training
    split; the model's outputs are in the units of the data.

    Args:
        distance: between predicted and true numbers, in standard deviations of the training split:
            `l2` squared, `l1` absolute, or `huber`, squared up to `huber_delta` and linear beyond
            (Huber 1964).
        huber_delta: in standard deviations of the training split.
        shared: arguments of `Model`.
    """

    task = RegressionTask()
    answer_name = "values"
    shift: Tensor
    scale: Tensor

    def __init__(
        self,
        *,
        distance: Literal["l2", "l1", "huber"] = "l2",
        huber_delta: float = 1.0,
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        refuse_with_given_loss(self.given_loss, {"distance": distance != "l2"}, {})
        if not huber_delta > 0:
            raise UserError(f"model.huber_delta must be above 0, but is {huber_delta}")
        self.distance, self.huber_delta = distance, huber_delta
        zeros = torch.zeros(self.info.num_classes)
        self.register_buffer("shift", zeros if self.target_mean is None else self.target_mean)
        self.register_buffer("scale", zeros + 1 if self.target_std is None else self.target_std)

    def make_metrics(self) -> MetricCollection:
        return MetricCollection({"errors": NumberErrors(self.info.class_names)})

    def score_names(self) -> Sequence[str]:
        return error_names(self.info.class_names)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers (N, K) of a batch in the units of the data."""
        return self.shift + self.scale * super().forward(x).to(self.scale.dtype)

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        error = (logits - y) / self.scale
        zero = torch.zeros_like(error)
        match self.distance:
            case "l2":
                return F.mse_loss(error, zero)
            case "l1":
                return F.l1_loss(error, zero)
            case "huber":
                return F.huber_loss(error, zero, delta=self.huber_delta)

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        metrics.update(logits - self.shift, batch[1] - self.shift)

    def answer(self, logits: Tensor) -> Tensor:
        """Return the numbers (N, K), the outputs unchanged."""
        return logits

    def logits_for(self, answer: Tensor) -> Tensor:
        """Return the answer, which is the output."""
        return answer


def number(value: float) -> str:
    """Return a number with six significant digits."""
    return f"{value:.6g}"


def caption(names: Sequence[str], true: NDArray[Any], predicted: NDArray[Any]) -> str:
    """Return a line for each of the first numbers of a sample: `age 31, predicted 28.5`."""
    rows = zip(names[:SHOWN_NUMBERS], true, predicted, strict=False)
    return "\n".join(f"{name} {t:.4g}, predicted {p:.4g}" for name, t, p in rows)
