"""What a denoiser makes of a few fixed validation recordings, to hear and to see: before, after, and as it should be."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from numpy.typing import NDArray

from convsweep.tracking.at_best import AtBest, picture_path, wandb_logger
from convsweep.tracking.predictions import choose_samples, evaluating
from convsweep.tracking.spectrograms import draw_spectrograms
from convsweep.tracking.wandb_media import recording_media

FULL_SCALE = 32767


@dataclass(frozen=True)
class Denoised:
    """One recording, (C, T) each, in the units of the data."""

    name: str
    noisy: NDArray[np.float32]
    denoised: NDArray[np.float32]
    clean: NDArray[np.float32]

    @property
    def versions(self) -> dict[str, NDArray[np.float32]]:
        return {"noisy": self.noisy, "denoised": self.denoised, "clean": self.clean}


class SampleRecordings(AtBest):
    """Publish `pictures/recordings_val.png`, spectrograms of validation samples, and `pictures/recordings_val/*.wav`.

    Args:
        max_samples: how many samples; the same ones in every run on the same split.
    """

    tasks = ("denoising",)

    def __init__(self, monitor: str, mode: Literal["min", "max"], max_samples: int = 4) -> None:
        super().__init__(monitor, mode)
        self.max_samples = max_samples
        self._recordings: list[Denoised] = []

    def capture(self, trainer: Trainer, module: LightningModule) -> None:
        self._recordings = denoise(trainer, module, self.max_samples)

    def publish(self, trainer: Trainer, module: LightningModule) -> None:
        rate: int | None = module.facts.sample_rate_hz  # type: ignore[union-attr, assignment]
        if not self._recordings or rate is None:
            return
        epoch = trainer.current_epoch if self.best_epoch is None else self.best_epoch
        picture = picture_path(trainer, "recordings_val.png")
        draw_spectrograms(self._recordings, rate).savefig(picture)
        folder = picture.with_suffix("")
        folder.mkdir(exist_ok=True)
        files = write_all(self._recordings, rate, folder)
        logger = wandb_logger(trainer)
        if logger is not None:
            logger.log_media(lambda: recording_media("val", picture, files), epoch)


def denoise(trainer: Trainer, module: LightningModule, count: int) -> list[Denoised]:
    """Return validation samples with what the module makes of them."""
    samples = choose_samples(trainer, count)
    found = []
    with evaluating(module), torch.no_grad():
        for x, y, name in zip(samples.x, samples.y, samples.names, strict=True):
            denoised = module.predict_batch(torch.from_numpy(x)[None].to(module.device))["denoised"]  # type: ignore[operator]
            found.append(Denoised(name, x, denoised[0].float().cpu().numpy(), y))
    return found


def write_all(recordings: Sequence[Denoised], sample_rate_hz: int, folder: Path) -> dict[Path, str]:
    """Write every version of every recording as a wav file, those of one recording at one loudness; return files and captions."""
    written = {}
    for number, recording in enumerate(recordings):
        peak = max(float(np.abs(wave).max()) for wave in recording.versions.values())
        for version, wave in recording.versions.items():
            file = folder / f"{number}_{version}.wav"
            write_wav(file, wave / max(1.0, peak), sample_rate_hz)
            written[file] = f"{recording.name}, {version}"
    return written


def write_wav(file: Path, wave: NDArray[Any], sample_rate_hz: int) -> None:
    """Write (C, T) between -1 and 1 as 16-bit numbers, which every player plays."""
    from scipy.io import wavfile

    wavfile.write(file, sample_rate_hz, np.round(np.clip(wave.T, -1, 1) * FULL_SCALE).astype(np.int16))
