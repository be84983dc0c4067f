"""Denoised recordings of a few fixed validation samples, published as wav files and
spectrograms.
"""

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from convsweep.pictures.denoised import Denoised, write_all
from convsweep.pictures.spectrograms import draw_spectrograms
from convsweep.task import Task
from convsweep.tracking.best_epoch import BestEpochCallback, best_epoch, picture_path, wandb_logger
from convsweep.tracking.predictions import (
    choose_samples,
    evaluation_mode,
    permutation_of,
    permuted_call,
)
from convsweep.tracking.wandb.media import recording_media


class SampleRecordings(BestEpochCallback):
    """Publishes `pictures/recordings_val.png`, spectrograms of validation samples, and
    `pictures/recordings_val/*.wav`.

    Args:
        max_samples: number of samples, the same in every run on the same split.
    """

    def __init__(self, max_samples: int = 4) -> None:
        super().__init__()
        self.max_samples = max_samples
        self._recordings: list[Denoised] = []

    def suits_task(self, task: Task) -> bool:
        return task.gives_signals

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self._recordings = denoise(trainer, module, self.max_samples)

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        rate: int | None = module.info.sample_rate_hz  # type: ignore[union-attr, assignment]
        if not self._recordings or rate is None:
            return
        picture = picture_path(trainer, "recordings_val.png")
        draw_spectrograms(self._recordings, rate).savefig(picture)
        folder = picture.with_suffix("")
        folder.mkdir(exist_ok=True)
        files = write_all(self._recordings, rate, folder)
        logger = wandb_logger(trainer)
        if logger is not None:
            logger.log_media(lambda: recording_media("val", picture, files), best_epoch(trainer))


def denoise(trainer: Trainer, module: LightningModule, count: int) -> list[Denoised]:
    """Return validation samples with their denoised versions."""

    def denoise_batch(x: Tensor) -> Tensor:
        denoised: Tensor = module.predict_batch(x.to(module.device))["denoised"]  # type: ignore[operator]
        return denoised

    samples, permutation, found = choose_samples(trainer, count), permutation_of(trainer), []
    with evaluation_mode(module), torch.no_grad():
        for x, y, name in zip(samples.x, samples.y, samples.names, strict=True):
            denoised = permuted_call(denoise_batch, torch.from_numpy(x)[None], permutation)
            found.append(Denoised(name, x, denoised[0].numpy(), y))
    return found
