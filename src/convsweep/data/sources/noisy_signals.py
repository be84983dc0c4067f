"""Abstract data set of noisy signals, with new noise in every training epoch and fixed noise for
evaluation.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Unpack, get_args

import numpy as np
import torch
from torch import Tensor

from convsweep.data.datamodule import DataModule
from convsweep.data.loading.array_types import Made
from convsweep.data.loading.batches import XY, Gather
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import PARTS, Parts, Samples
from convsweep.data.sources.noise import Babble, Noise, NoiseKind, Waves, mix, pink, white
from convsweep.errors import UserError, did_you_mean

# One number, or lower and upper bound of a uniform distribution.
Range = float | Sequence[float]


@dataclass(frozen=True)
class Clean:
    """The clean signals of one part: (N, C, T), and N names."""

    waves: Waves
    names: list[str]


@dataclass(frozen=True)
class Mixer:
    """Adds a random kind of noise to each signal at a random signal-to-noise ratio."""

    noises: Sequence[Noise]
    snr_db: tuple[float, float]

    def __call__(self, clean: Waves, rng: np.random.Generator) -> Waves:
        """Return signals (N, C, T) with added noise."""
        noisy = np.empty_like(clean)
        for row, wave in zip(noisy, clean, strict=True):
            row[:] = self.one(wave, rng)
        return noisy

    def noisy_sample(self, waves: Waves, part: str, row: int) -> Waves:
        """Return signal number `row` of a part (N, C, T) with the noise fixed for this number."""
        return self.one(waves[row], np.random.default_rng((PARTS.index(part), row)))

    def one(self, wave: Waves, rng: np.random.Generator) -> Waves:
        """Return one signal (C, T) with added noise."""
        noise = self.noises[int(rng.integers(len(self.noises)))]
        return mix(wave, noise(rng, (wave.shape[0], wave.shape[1])), rng.uniform(*self.snr_db))


@dataclass(frozen=True)
class FreshNoise:
    """Replaces the noise of a batch by new draws, determined by the seed."""

    mixer: Mixer

    def __call__(self, x: Tensor, y: Tensor, seed: tuple[int, ...]) -> XY:
        return torch.from_numpy(self.mixer(y.numpy(), np.random.default_rng(seed))), y

    def rehearse(self, x: Tensor, y: Tensor) -> None:
        """Do nothing: noise suits every signal."""


class NoisySignals(DataModule):
    """Pairs of a noisy and a clean signal. A new source implements `describe` and `read_clean`.

    Args:
        noise: kinds of noise, one a signal at random: white, pink, babble (other signals of the
            same part), or folder.
        snr_db: signal-to-noise ratio of the training signals in dB: a number, or bounds of a
            uniform distribution.
        eval_snr_db: the same for validation and test; null uses snr_db.
    """

    def __init__(
        self,
        noise: NoiseKind | Sequence[NoiseKind],
        snr_db: Range,
        eval_snr_db: Range | None,
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.kinds = [noise] if isinstance(noise, str) else list(noise)
        for kind in self.kinds:
            if kind not in get_args(NoiseKind):
                raise UserError(
                    f"data.noise holds {kind!r}, which is no noise;"
                    f" {did_you_mean(kind, get_args(NoiseKind))}"
                )
        if not self.kinds:
            raise UserError(
                f"data.noise must name one kind of noise or more: {', '.join(get_args(NoiseKind))}"
            )
        self.snr_db = bounds(snr_db, "snr_db")
        self.eval_snr_db = (
            self.snr_db if eval_snr_db is None else bounds(eval_snr_db, "eval_snr_db")
        )

    @abstractmethod
    def read_clean(self) -> tuple[Clean, Clean | None, Clean | None]:
        """Return the clean signals of training, validation and test.

        Raises:
            UserError: naming what is wrong.
        """

    def recorded_noise(self, part: str) -> Noise:
        """Return the recorded noise of a part, for `noise: folder`.

        Raises:
            UserError: there is none.
        """
        raise UserError(
            "data.noise=folder needs recordings of noise, which this data does not take; use white,"
            " pink or babble"
        )

    def read(self) -> Parts:
        train, val, test = (
            None if clean is None else self.with_noise(clean, part)
            for part, clean in zip(PARTS, self.read_clean(), strict=True)
        )
        assert train is not None
        return train, val, test

    def with_noise(self, clean: Clean, part: str) -> Samples:
        """Return the pairs of a part with noise that is the same in every run; the noise of signal
        i does not depend on the other signals.

        The noise of the training part is computed only if it is read, since training draws new
        noise.
        """
        mixer = self.mixer(clean.waves, part)
        noisy = Made(
            partial(mixer.noisy_sample, clean.waves, part), clean.waves.shape, clean.waves.dtype
        )
        if part != "train":
            return Samples(noisy[:], clean.waves, clean.names)
        self.fresh_noise = FreshNoise(mixer)
        return Samples(noisy, clean.waves, clean.names)

    def gather(self, samples: Samples, training: bool) -> Gather:
        # fresh noise needs only the clean signals
        known = Samples(samples.y, samples.y, samples.names) if training else samples
        return super().gather(known, training)

    def mixer(self, waves: Waves, part: str) -> Mixer:
        makers: dict[str, Callable[[], Noise]] = {
            "white": lambda: white,
            "pink": lambda: pink,
            "babble": lambda: Babble(waves),
            "folder": lambda: self.recorded_noise(part),
        }
        return Mixer(
            [makers[kind]() for kind in self.kinds],
            self.snr_db if part == "train" else self.eval_snr_db,
        )

    @cached_property
    def augmentation(self) -> FreshNoise:  # type: ignore[override]
        """New noise for every batch of training."""
        if self.loading["augment"]:
            raise UserError(
                "data.augment changes images, but these are signals, which get new noise; use"
                " data/augment=none"
            )
        return self.fresh_noise


def bounds(snr_db: Range, key: str) -> tuple[float, float]:
    """Return lower and upper bound of the ratio.

    Raises:
        UserError: it is neither a number nor two in ascending order.
    """
    values = [snr_db, snr_db] if isinstance(snr_db, int | float) else list(snr_db)
    if len(values) != 2 or not values[0] <= values[1]:
        raise UserError(f"data.{key} must be a number or [lowest, highest] in dB, but is {snr_db}")
    return float(values[0]), float(values[1])
