"""Multi-label classification: any number of labels a sample, binary cross-entropy for each."""

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
from convsweep.metrics.label_scores import (
    THRESHOLD,
    LabelScores,
    label_f1,
    label_score_names,
    precision_recall,
    threshold_names,
)
from convsweep.models.base import Batch, Model
from convsweep.pictures.captioned import Answered, draw_captioned
from convsweep.pictures.precision_recall import draw_precision_recall
from convsweep.pictures.worst import PICTURE
from convsweep.task import MULTI_LABEL, Row, Task
from convsweep.tasks.classification import SUMMED_CLASSES, refuse_with_given_loss

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Separates the labels of a sample in tables.
SEPARATOR = ";"


class MultiLabelTask(Task):
    """Any number of labels a sample, possibly none.

    Args:
        thresholds: (K,) probabilities from which labels are predicted; None: 0.5.
    """

    name = MULTI_LABEL
    has_several_labels = True

    def __init__(self, thresholds: Tensor | None = None) -> None:
        self.thresholds = thresholds

    def as_trained(self, model: Any) -> "MultiLabelTask":
        return MultiLabelTask(model.thresholds.cpu())

    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (num_classes,)

    def check_targets(self, samples: Samples, info: DataInfo, part: str) -> None:
        y = np.asarray(samples.y)
        wrong = np.argwhere((y != 0) & (y != 1))
        if len(wrong):
            found = [f"{samples.names[row]} ({info.class_names[label]}={y[row, label]:g})"
                     for row, label in wrong]  # fmt: skip
            raise UserError(
                f"Labels must be 0 or 1, but {part} holds {examples(found)}; correct them, or use"
                " data.task=regression for numbers."
            )

    def count_targets(self, train: Samples, info: DataInfo) -> NDArray[np.int64]:
        counts: NDArray[np.int64] = np.asarray(train.y).sum(axis=0).astype(np.int64)
        for wanted, rule in ((0, "occur in"), (len(train), "be absent from")):
            names = [info.class_names[label] for label in np.flatnonzero(counts == wanted)]
            if names:
                raise UserError(
                    f"Every label must {rule} a sample of the training part, but {examples(names)}"
                    f" has {wanted} of {len(train)}; add samples, or leave it out (data.targets)."
                )
        return counts

    def strata(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return the index of the rarest label of each sample, one past the last if it has none."""
        counts = np.where(y.any(axis=0), y.sum(axis=0), np.inf)
        rarest = np.where(y > 0, counts, np.inf).argmin(axis=1)
        return np.asarray(np.where(y.any(axis=1), rarest, y.shape[1]))

    def columns(self, info: DataInfo) -> list[str]:
        return ["labels", *(f"p_{name}" for name in info.class_names)]

    def cells(self, info: DataInfo, result: NDArray[Any]) -> list[str]:
        names = self.names_of(info, torch.from_numpy(self.shares(info, result)))
        return [names, *(f"{value:.6f}" for value in result)]

    def shares(self, info: DataInfo, result: NDArray[Any]) -> NDArray[Any]:
        return self.predicted_labels(torch.from_numpy(result)).numpy()

    def summary(self, info: DataInfo, shares: NDArray[Any], count: int) -> str:
        largest = [label for label in np.argsort(-shares, kind="stable") if shares[label]]
        return ": " + (
            ", ".join(
                f"{info.class_names[label]} ({int(shares[label]):,})"
                for label in largest[:SUMMED_CLASSES]
            )
            or "no labels"
        )

    def shown_columns(self) -> Sequence[int]:
        return range(2)

    def answer_columns(self, info: DataInfo) -> list[str]:
        return ["true", "predicted", *(f"p_{name}" for name in info.class_names)]

    def answers(self, info: DataInfo, logits: Tensor, y: Tensor) -> list[list[str]]:
        probs = logits.float().sigmoid().cpu()
        return [
            [
                self.names_of(info, true),
                self.names_of(info, self.predicted_labels(row)),
                *(f"{p:.6f}" for p in row.tolist()),
            ]
            for true, row in zip(y.cpu(), probs, strict=True)
        ]

    def rows(self, info: DataInfo, outputs: Tensor, y: Tensor) -> list[Row]:
        probs, thresholds = outputs.sigmoid(), self.thresholds_of(info.num_classes)
        curves, predicted = precision_recall(probs, y), (probs >= thresholds).float()
        right = (predicted * y).sum(dim=0)
        columns = {
            "count": y.sum(dim=0).int(),
            "threshold": thresholds,
            "precision": right / predicted.sum(dim=0),
            "recall": right / y.sum(dim=0),
            "f1": label_f1(probs, y, thresholds),
            "best_threshold": curves.best_thresholds,
            "best_f1": label_f1(probs, y, curves.best_thresholds),
            "ap": curves.average_precision,
        }
        return [
            Row(
                label=name,
                **{column: number_or_none(values[k]) for column, values in columns.items()},
            )
            for k, name in enumerate(info.class_names)
        ]

    def figures(self, info: DataInfo, outputs: Tensor, y: Tensor) -> dict[str, "Figure"]:
        curves = precision_recall(outputs.sigmoid(), y)
        shares, scores = curves.positives / len(y), curves.average_precision
        named = zip(info.class_names, scores.tolist(), strict=True)
        titles = [f"{name}, AP {score:.3f}" for name, score in named]
        figure = draw_precision_recall(
            curves.precision.numpy(), curves.recall.numpy(), shares.tolist(), titles
        )
        return {"precision_recall": figure}

    def picture(self, x: NDArray[Any], y: NDArray[Any], logits: Tensor, name: str) -> Answered:
        return Answered(x, name, y, self.predicted_labels(logits.sigmoid().cpu()).numpy())

    def samples_figure(self, pictures: Sequence[Answered], info: DataInfo) -> "Figure":
        captions = [caption(info.class_names, each.true, each.predicted) for each in pictures]
        return draw_captioned(pictures, captions)

    def draw(self, pictures: Sequence[Answered], info: DataInfo, folder: Path) -> None:
        self.samples_figure(pictures, info).savefig(folder / PICTURE)

    def thresholds_of(self, count: int) -> Tensor:
        return torch.full((count,), THRESHOLD) if self.thresholds is None else self.thresholds

    def predicted_labels(self, probs: Tensor) -> Tensor:
        """Return 0 or 1 for each of the probabilities (K,)."""
        return (probs >= self.thresholds_of(len(probs))).float()

    def names_of(self, info: DataInfo, present: Tensor) -> str:
        """Return the names of the labels that are present (K,)."""
        return SEPARATOR.join(
            name for name, one in zip(info.class_names, present.tolist(), strict=True) if one
        )


class MultiLabel(Model):
    """A network that predicts a probability for each label.

    Args:
        threshold: probability from which a label is predicted.
        tune_thresholds: `f1`: replace it, at each validation and for each label, by the threshold
            with the highest F1; the test uses the thresholds of the best epoch.
        label_weights: `balanced` weighs positives of a label by its negatives per positive in the
            training split, so that both count alike.
        shared: arguments of `Model`.
    """

    task = MultiLabelTask()

    def __init__(
        self,
        *,
        threshold: float = THRESHOLD,
        tune_thresholds: Literal["none", "f1"] = "none",
        label_weights: Literal["none", "balanced"] = "none",
        **shared: Any,
    ) -> None:
        super().__init__(**shared)
        refuse_with_given_loss(self.given_loss, {"label_weights": label_weights != "none"}, {})
        if not 0 < threshold < 1:
            raise UserError(f"model.threshold must be between 0 and 1, but is {threshold}")
        self.thresholds = torch.full((self.info.num_classes,), float(threshold))
        self.tunes = tune_thresholds == "f1"
        for metric in self.val_metrics.values():
            assert isinstance(metric, LabelScores)
            metric.tune = self.tunes
        weight = None
        if label_weights == "balanced":
            shares = torch.full((self.info.num_classes,), 0.5)
            shares = shares if self.target_mean is None else self.target_mean
            weight = (1 - shares) / shares
        self.register_buffer("positive_weight", weight)

    def make_metrics(self) -> MetricCollection:
        return MetricCollection({"labels": LabelScores(self.info.class_names)})

    def score_names(self) -> Sequence[str]:
        names = self.info.class_names
        return [*label_score_names(names), *(threshold_names(names) if self.tunes else [])]

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        if self.given_loss is not None:
            loss: Tensor = self.given_loss(logits, y.to(logits.dtype))
            return loss
        weight = self.positive_weight
        assert weight is None or isinstance(weight, Tensor)
        return F.binary_cross_entropy_with_logits(logits, y.to(logits.dtype), pos_weight=weight)

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        self.thresholds = self.thresholds.to(logits.device)
        metrics.update(logits.float().sigmoid(), batch[1], self.thresholds)

    def answer(self, logits: Tensor) -> Tensor:
        """Return the probability of each label (N, K)."""
        return logits.sigmoid()

    def logits_for(self, answer: Tensor) -> Tensor:
        """Return the logits of probabilities (N, K)."""
        return answer.logit(eps=torch.finfo(answer.dtype).eps)

    def average_thresholds(self, others: Sequence[Model]) -> None:
        alike = [self, *(other for other in others if isinstance(other, MultiLabel))]
        self.thresholds = torch.stack([model.thresholds for model in alike]).mean(dim=0)

    def on_validation_epoch_end(self) -> None:
        if self.tunes and not self.trainer.sanity_checking:
            scores = self.val_metrics.compute()
            names = threshold_names(self.info.class_names)
            self.thresholds = torch.stack([scores[f"val/{name}"] for name in names])
        super().on_validation_epoch_end()

    # Not a buffer, as an average of weights (callbacks=ema) averages buffers too.
    def get_extra_state(self) -> Tensor:
        return self.thresholds

    def set_extra_state(self, state: Tensor) -> None:
        self.thresholds = state


def caption(names: Sequence[str], true: NDArray[Any], predicted: NDArray[Any]) -> str:
    """Return a line for the correct, the missing and the wrong labels of a sample, if any."""
    kinds = {
        "right": (true > 0) & (predicted > 0),
        "missing": (true > 0) & (predicted == 0),
        "wrong": (true == 0) & (predicted > 0),
    }
    lines = [
        f"{kind}: {', '.join(names[label] for label in np.flatnonzero(found).tolist())}"
        for kind, found in kinds.items()
        if found.any()
    ]
    return "\n".join(lines) or "no label, none predicted"


def number_or_none(value: Tensor) -> float | int | None:
    """Return a score as a number, or None if it is NaN."""
    return None if value.isnan() else value.item()
