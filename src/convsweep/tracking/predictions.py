"""Predictions of a few fixed validation samples, published as a picture and as W&B images."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from convsweep.data.permutation import Permutation
from convsweep.pictures.drawing import draw_predictions
from convsweep.pictures.prediction import Prediction
from convsweep.tracking.best_epoch import (
    BestEpochCallback,
    best_epoch,
    class_names,
    picture_path,
    wandb_logger,
)
from convsweep.tracking.wandb.media import prediction_images

# Values of the samples that are predicted at a time.
CHUNK_VALUES = 1_000_000


@dataclass(frozen=True)
class FixedSamples:
    """Raw samples: N x (C, *spatial), whose shapes may differ, N y () or (*spatial), and N
    names.
    """

    x: list[NDArray[Any]]
    y: list[NDArray[Any]]
    names: list[str]


class SamplePredictions(BestEpochCallback):
    """Publishes `pictures/predictions_val.png`: validation samples with true and predicted classes
    or masks.

    The model must have `predict_batch(x)` that returns `probs` (N, num_classes, *).

    Args:
        max_samples: number of samples, the same in every run on the same split, spread over the
            classes.
    """

    def __init__(self, max_samples: int = 16) -> None:
        super().__init__()
        self.max_samples = max_samples
        self._samples: FixedSamples | None = None
        self._predictions: list[Prediction] = []

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self._samples = self._samples or choose_samples(trainer, self.max_samples)
        self._predictions = predict(module, self._samples, permutation_of(trainer))

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        if not self._predictions:
            return
        names = class_names(trainer, self._predictions[0].num_classes)
        draw_predictions(self._predictions, names).savefig(
            picture_path(trainer, "predictions_val.png")
        )
        logger = wandb_logger(trainer)
        if logger is not None:
            images = self._predictions
            logger.log_media(
                lambda: {"predictions/val": prediction_images(images, names)},
                best_epoch(trainer),
            )


def choose_samples(trainer: Trainer, count: int) -> FixedSamples:
    """Return up to `count` validation samples, spread evenly over the classes or, for masks, over
    the split.
    """
    split: Any = getattr(getattr(trainer, "datamodule", None), "val", None)
    if split is None:
        loader: Any = trainer.val_dataloaders
        x, y = (np.asarray(part.cpu()) for part in next(iter(loader))[:2])
        names = [f"val/{index}" for index in range(len(x))]
    else:
        x, y, names = split.x, split.y, list(split.names)
    order = np.argsort(y, kind="stable") if y.ndim == 1 else np.arange(len(y))
    chosen = order[
        np.unique(np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int))
    ]
    picked = [int(index) for index in chosen]
    return FixedSamples(
        [np.asarray(x[i]) for i in picked],
        [np.asarray(y[i]) for i in picked],
        [names[i] for i in picked],
    )


def permutation_of(trainer: Trainer) -> Permutation | None:
    """Return the permutation of positions that the network is trained with, if there is one."""
    data: Any = getattr(trainer, "datamodule", None)
    if getattr(data, "positions", None) is None:
        return None
    return Permutation(data.info.spatial_shape)


def permuted_call(
    network: Callable[[Tensor], Tensor], x: Tensor, permutation: Permutation | None
) -> Tensor:
    """Return the outputs of a network for samples in their original order, on the CPU."""
    if permutation is None:
        return network(x).float().cpu()
    return permutation.undo(network(permutation(x)).float().cpu())


def predict(
    module: LightningModule, samples: FixedSamples, permutation: Permutation | None = None
) -> list[Prediction]:
    """Return the module's predictions of samples, in batches no larger in memory than necessary."""

    def probs_of(x: Tensor) -> Tensor:
        probs: Tensor = module.predict_batch(x.to(module.device))["probs"]  # type: ignore[operator]
        return probs

    alike = len({x.shape for x in samples.x}) == 1
    num_at_once = max(1, CHUNK_VALUES // samples.x[0].size) if alike else 1
    found: list[Prediction] = []
    with evaluation_mode(module), torch.no_grad():
        for start in range(0, len(samples.x), num_at_once):
            x = torch.from_numpy(np.stack(samples.x[start : start + num_at_once]))
            # probabilities of many classes for large images are kept no longer than needed
            for i, probs in enumerate(permuted_call(probs_of, x, permutation), start):
                found.append(
                    Prediction.of(samples.x[i], samples.y[i], probs.numpy(), samples.names[i])
                )
    return found


@contextlib.contextmanager
def evaluation_mode(module: LightningModule) -> Iterator[None]:
    """Put the module into evaluation mode, and restore the mode of each submodule afterwards."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode
