"""What a network makes of labelled samples: the model's own metrics, which class was taken for which, and the worst samples."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convsweep.models.base import Model
from convsweep.nets.sliding_window import SlidingWindow
from convsweep.pictures.denoised import Denoised
from convsweep.pictures.prediction import Prediction
from convsweep.tracking.confusion import count_confusion
from convsweep.training.trained import Trained

Batch = tuple[Tensor, Tensor]


@dataclass
class Evaluation:
    """What was measured.

    Args:
        metrics: by name, the loss among them.
        confusion: (num_classes, num_classes) samples or positions by true (row) and predicted class (column); None: no classes.
        names: of the samples.
        losses: one a sample.
        answers: true class, predicted class and its probability of each sample of a classification.
        worst: the samples of the largest losses, largest first.
    """

    metrics: dict[str, float] = field(default_factory=dict)
    confusion: NDArray[np.int64] | None = None
    names: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    answers: list[tuple[int, int, float]] = field(default_factory=list)
    worst: list[tuple[float, Prediction | Denoised]] = field(default_factory=list)


@torch.inference_mode()
def evaluate(
    trained: Trained, batches: Iterable[Batch], names: Sequence[str], num_worst: int, advance: Callable[[int], None]
) -> Evaluation:
    """Return what a network makes of batches in the order of `names`."""
    model, found = trained.model, Evaluation(names=list(names))
    metrics = model.make_metrics().to(trained.device)
    total = torch.zeros((), device=trained.device)
    for x, y in batches:
        x, y = x.to(trained.device), y.to(trained.device)
        logits = logits_of(model, x)
        total += model.loss(logits, y) * len(x)
        model.score(metrics, logits, (x, y))
        first = len(found.losses)
        found.losses += [float(model.loss(logits[i : i + 1], y[i : i + 1])) for i in range(len(x))]
        if trained.info.task != "denoising":
            count(found, logits, y, trained.info.ignore_index)
        keep_worst(found, x, y, logits, first, num_worst)
        advance(len(x))
    values = {"loss": total / len(found.losses), **metrics.compute()}
    found.metrics = {name: float(value) for name, value in values.items()}
    return found


def logits_of(model: Model, x: Tensor) -> Tensor:
    """Return the logits of a batch; for samples of another size than the network's the logarithms of their windows' means."""
    info = model.info
    if info.task == "classification" or info.any_size or tuple(x.shape[1:]) == info.in_shape:
        logits: Tensor = model(x)
        return logits
    windows = SlidingWindow(lambda batch: model(batch).softmax(dim=1), info.spatial_shape)
    probs = torch.stack([windows(sample) for sample in x])
    return probs.clamp_min(torch.finfo(probs.dtype).tiny).log()


def count(found: Evaluation, logits: Tensor, y: Tensor, ignore_index: int | None) -> None:
    """Add a batch to the confusion matrix and, of a classification, to the answers."""
    counts = count_confusion(logits, y, ignore_index).cpu().numpy()
    found.confusion = counts if found.confusion is None else found.confusion + counts
    if logits.dim() == 2:
        confidence, predicted = logits.float().softmax(dim=1).max(dim=1)
        found.answers += list(zip(y.tolist(), predicted.tolist(), confidence.tolist(), strict=True))


def keep_worst(found: Evaluation, x: Tensor, y: Tensor, logits: Tensor, first: int, num_worst: int) -> None:
    """Let the worst samples of a batch join the worst so far; `first` is the number of the batch's first sample."""
    losses = found.losses[first:]
    candidates: list[tuple[float, Any]] = list(found.worst)
    for i in sorted(range(len(losses)), key=lambda i: -losses[i])[:num_worst]:
        if len(found.worst) < num_worst or losses[i] > found.worst[-1][0]:
            candidates.append((losses[i], shown(x[i], y[i], logits[i].float(), found.names[first + i])))
    found.worst = sorted(candidates, key=lambda pair: -pair[0])[:num_worst]


def shown(x: Tensor, y: Tensor, logits: Tensor, name: str) -> Prediction | Denoised:
    """Return what can be drawn of one sample; what is like its answer is a clean signal."""
    sample, truth = x.cpu().numpy(), y.cpu().numpy()
    if y.shape == logits.shape:
        return Denoised(name, sample, logits.cpu().numpy(), truth)
    return Prediction.of(sample, truth, logits.softmax(dim=0).cpu().numpy(), name)
