"""Signals to denoise: tones, chirps and bursts with noise, generated from a seed: no download."""

from collections.abc import Sequence
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.options import LoadingOptions
from convsweep.data.samples import PARTS, DataInfo, number_names
from convsweep.data.sources.noise import NoiseKind, Waves
from convsweep.data.sources.noisy_signals import Clean, NoisySignals, Range
from convsweep.data.sources.synthetic import draws, part_sizes
from convsweep.errors import UserError
from convsweep.task import DENOISING

SHORTEST = 64
# Of tones and chirps.
LOWEST_HZ = 60.0


class Signals(NoisySignals):
    """One channel with one to three sounds that start and end within the signal: harmonic tones,
    chirps, bursts.

    Args:
        length: of a signal, in samples.
        sample_rate_hz: samples a second.
        num_train, num_val, num_test: signals of each part.
        noise, snr_db, eval_snr_db: as for all noisy signals.
        signal_seed: seed of the signals; signal i does not depend on the number of signals.
    """

    def __init__(
        self,
        length: int = 2048,
        sample_rate_hz: int = 8000,
        num_train: int = 1000,
        num_val: int = 100,
        num_test: int = 200,
        noise: NoiseKind | Sequence[NoiseKind] = ("white", "pink"),
        snr_db: Range = (-5, 15),
        eval_snr_db: Range | None = None,
        signal_seed: int = 0,
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(noise, snr_db, eval_snr_db, **loading)
        if length < SHORTEST:
            raise UserError(f"data.length must be at least {SHORTEST} samples, but is {length}")
        if sample_rate_hz < 8 * LOWEST_HZ:
            raise UserError(
                f"data.sample_rate_hz must be at least {8 * LOWEST_HZ:.0f}, but is {sample_rate_hz}"
            )
        self.length, self.sample_rate_hz, self.signal_seed = length, sample_rate_hz, signal_seed
        self.num_signals = part_sizes(num_train, num_val, num_test)

    def describe(self) -> DataInfo:
        return DataInfo(
            (1, self.length), 1, ("signal",), DENOISING, sample_rate_hz=self.sample_rate_hz
        )

    def read_clean(self) -> tuple[Clean, Clean, Clean]:
        train, val, test = (self.draw(part) for part in PARTS)
        return train, val, test

    def draw(self, part: str) -> Clean:
        count = self.num_signals[part]
        waves = [
            signal(rng, self.length, self.sample_rate_hz)
            for rng in draws(self.signal_seed, part, count)
        ]
        return Clean(np.stack(waves), number_names(part, count))


def signal(rng: np.random.Generator, length: int, sample_rate_hz: int) -> Waves:
    """Return one clean signal (1, length) with a random peak between 0.1 and 0.9."""
    sounds = (tone, chirp, burst)
    wave = np.zeros(length)
    for _ in range(rng.integers(1, 4)):
        duration = int(rng.integers(length // 4, length + 1))
        start = int(rng.integers(0, length - duration + 1))
        seconds = np.arange(duration) / sample_rate_hz
        sound = sounds[rng.integers(len(sounds))](rng, seconds, sample_rate_hz)
        wave[start : start + duration] += rng.uniform(0.3, 1.0) * sound
    return np.asarray(wave[None] * (rng.uniform(0.1, 0.9) / np.abs(wave).max()), np.float32)


def tone(
    rng: np.random.Generator, seconds: NDArray[np.float64], sample_rate_hz: int
) -> NDArray[np.float64]:
    """Return a fundamental tone with three harmonics, faded in and out."""
    fundamental = pitch(rng, sample_rate_hz / 10)
    harmonics = np.arange(1, 5)
    weights = rng.uniform(0.2, 1.0, 4) / harmonics
    phases = 2 * np.pi * (fundamental * harmonics[:, None] * seconds + rng.uniform(0, 1, (4, 1)))
    return np.asarray(fade(len(seconds)) * (weights @ np.sin(phases)) / weights.sum())


def chirp(
    rng: np.random.Generator, seconds: NDArray[np.float64], sample_rate_hz: int
) -> NDArray[np.float64]:
    """Return a tone whose frequency changes exponentially from one random value to another."""
    first, last = pitch(rng, sample_rate_hz / 3), pitch(rng, sample_rate_hz / 3)
    path = first * (last / first) ** np.linspace(0, 1, len(seconds))
    return fade(len(seconds)) * np.sin(
        2 * np.pi * (np.cumsum(path) / sample_rate_hz + rng.uniform())
    )


def burst(
    rng: np.random.Generator, seconds: NDArray[np.float64], sample_rate_hz: int
) -> NDArray[np.float64]:
    """Return a few short, exponentially decaying tones."""
    wave = np.zeros(len(seconds))
    for _ in range(rng.integers(1, 4)):
        start = int(rng.integers(0, len(seconds) // 2 + 1))
        rest = seconds[: len(seconds) - start]
        decay = rng.uniform(0.02, 0.2) * seconds[-1]
        wave[start:] += np.exp(-rest / decay) * np.sin(
            2 * np.pi * pitch(rng, sample_rate_hz / 3) * rest
        )
    return wave


def pitch(rng: np.random.Generator, highest_hz: float) -> float:
    """Return a random frequency in Hz, log-uniform."""
    return float(np.exp(rng.uniform(np.log(LOWEST_HZ), np.log(highest_hz))))


def fade(length: int) -> NDArray[np.float64]:
    """Return an envelope that rises over the first eighth and falls over the last."""
    edge = np.minimum(np.arange(length), np.arange(length)[::-1]) / max(1, length // 8)
    return np.sin(np.pi / 2 * np.minimum(1, edge)) ** 2
