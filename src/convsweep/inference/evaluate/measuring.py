"""Metrics, confusion matrix and worst samples of a network on labelled data."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MetricCollection

from convsweep.models.base import Model
from convsweep.nets.sliding_window import SlidingWindow
from convsweep.task import Row, Task
from convsweep.tracking.confusion import count_confusion
from convsweep.training.trained import Trained

Batch = tuple[Tensor, Tensor]


@dataclass
class Evaluation:
    """Results of an evaluation.

    Args:
        metrics: by name, including the loss.
        confusion: (num_classes, num_classes) samples or positions by true (row) and predicted class
            (column); None without classes.
        names: of the samples.
        groups: of the samples under `data.group`; empty without it.
        losses: one a sample.
        answers: values of the task's `answer_columns` for each sample.
        rows: scores of each number, if targets are numbers.
        figures: pictures of all samples, if targets are numbers, by file name without suffix.
        worst: (loss, name, picture) of the samples with the largest losses, largest first.
        folds: number, samples and metrics of each fold, if there are folds.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    confusion: NDArray[np.int64] | None = None
    names: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    answers: list[list[str]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    worst: list[tuple[float, str, Any]] = field(default_factory=list)
    folds: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class LabelledPart:
    """Samples to evaluate.

    Args:
        model: the network that answers.
        batches: of the samples.
        names: of the samples, in the order of the batches.
        fold: number of the fold if the samples are one of several; else None.
        groups: of the samples under `data.group`; empty without it.
    """

    model: Model
    batches: Iterable[Batch]
    names: Sequence[str]
    fold: int | None = None
    groups: Sequence[str] = ()


@torch.inference_mode()
def evaluate(
    trained: Trained,
    parts: Sequence[LabelledPart],
    num_worst: int,
    advance: Callable[[int], None],
) -> Evaluation:
    """Evaluate a network, or each network of an ensemble on its own fold.

    Args:
        trained: the network, or the first one, by whose loss and thresholds all are measured.
        parts: the samples, and which network answers.
        num_worst: how many of the worst samples to draw.
        advance: called with the number of samples of each batch.
    """
    model, task = trained.model, trained.task
    found = Evaluation(
        names=[name for part in parts for name in part.names],
        groups=[group for part in parts for group in part.groups],
    )
    metrics = model.make_metrics().to(trained.device)
    total = torch.zeros((), device=trained.device)
    numbers: list[Batch] = []
    for part in parts:
        own, first_of_part = model.make_metrics().to(trained.device), len(found.losses)
        for x, y in part.batches:
            x, y = x.to(trained.device), y.to(trained.device)
            logits = logits_of(part.model, x)
            total += model.batch_loss(logits, y) * len(x)
            model.score(metrics, logits, (x, y))
            first = len(found.losses)
            found.losses += [
                float(model.batch_loss(logits[i : i + 1], y[i : i + 1])) for i in range(len(x))
            ]
            if task.has_classes:
                counts = count_confusion(logits, y, trained.info.ignore_index).cpu().numpy()
                found.confusion = counts if found.confusion is None else found.confusion + counts
            if task.has_numbers:
                numbers.append((logits.float().cpu(), y.cpu()))
            found.answers += task.answers(trained.info, logits, y)
            keep_worst(found, task, (x, y), logits, first, num_worst)
            if part.fold is not None:
                model.score(own, logits, (x, y))
            advance(len(x))
        if part.fold is not None:
            found.folds.append(fold_record(part.fold, own, found.losses[first_of_part:]))
    if numbers:
        outputs, targets = (torch.cat(parts) for parts in zip(*numbers, strict=True))
        found.rows = task.rows(trained.info, outputs, targets)
        found.figures = task.figures(trained.info, outputs, targets)
    values = {"loss": total / len(found.losses), **metrics.compute()}
    found.metrics = {name: float(value) for name, value in values.items()}
    return found


def fold_record(fold: int, metrics: MetricCollection, losses: Sequence[float]) -> dict[str, Any]:
    """Return what a fold has shown."""
    scores = {name: float(value) for name, value in metrics.compute().items()}
    mean = sum(losses) / len(losses)
    return {"fold": fold, "samples": len(losses), "metrics": {"loss": mean, **scores}}


def logits_of(model: Model, x: Tensor) -> Tensor:
    """Return the logits of a batch; for samples of another size, the log of the mean probabilities
    of windows.
    """
    info = model.info
    if not info.kind.is_dense or info.any_size or tuple(x.shape[1:]) == info.in_shape:
        logits: Tensor = model(x)
        return logits
    if not info.kind.has_classes:
        return torch.stack([SlidingWindow(model, info.spatial_shape)(sample) for sample in x])
    windows = SlidingWindow(lambda batch: model(batch).softmax(dim=1), info.spatial_shape)
    probs = torch.stack([windows(sample) for sample in x])
    return probs.clamp_min(torch.finfo(probs.dtype).tiny).log()


def keep_worst(
    found: Evaluation, task: Task, batch: Batch, logits: Tensor, first: int, num_worst: int
) -> None:
    """Merge the worst samples of a batch into the worst so far; `first` is the index of the batch's
    first sample.
    """
    losses = found.losses[first:]
    candidates = list(found.worst)
    for i in sorted(range(len(losses)), key=lambda i: -losses[i])[:num_worst]:
        if len(found.worst) < num_worst or losses[i] > found.worst[-1][0]:
            x, y = (part[i].cpu().numpy() for part in batch)
            name = found.names[first + i]
            candidates.append((losses[i], name, task.picture(x, y, logits[i].float(), name)))
    found.worst = sorted(candidates, key=lambda each: -each[0])[:num_worst]
