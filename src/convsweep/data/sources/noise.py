"""Background noise: white, pink, babble of other signals, or recorded; random numbers come from the
generator passed in.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Waves = NDArray[np.float32]
NoiseKind = Literal["white", "pink", "babble", "folder"]


class Noise(Protocol):
    """Draws noise of about unit power in a given shape (C, T)."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> Waves: ...


def white(rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
    """Return noise with equal power at every frequency."""
    return rng.standard_normal(shape, np.float32)


def pink(rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
    """Return noise whose power falls as 1 / f, 3 dB an octave, with mean 0."""
    spectrum = np.fft.rfft(white(rng, shape))
    spectrum *= np.concatenate([[0.0], np.arange(1, spectrum.shape[-1]) ** -0.5])
    return scale_to_unit_power(np.fft.irfft(spectrum, shape[-1]))


class Babble:
    """Sum of random signals of a set, each shifted randomly in time and scaled to unit power.

    Args:
        voices: (M, C, T) the signals.
        num_voices: signals in a sum.
    """

    def __init__(self, voices: Waves, num_voices: int = 6) -> None:
        self.voices, self.num_voices = voices, num_voices

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
        chosen = rng.integers(0, len(self.voices), self.num_voices)
        shifts = rng.integers(0, self.voices.shape[-1], self.num_voices)
        voices = [
            scale_to_unit_power(np.roll(self.voices[row], shift, axis=-1))
            for row, shift in zip(chosen, shifts, strict=True)
        ]
        together: Waves = scale_to_unit_power(np.sum(voices, axis=0))
        return np.resize(together, shape) if together.shape != shape else together


class Recorded:
    """Random pieces of recordings.

    Args:
        recordings: one (T,) each; a recording shorter than the requested length is repeated.
    """

    def __init__(self, recordings: Sequence[Waves]) -> None:
        self.recordings = recordings
        lengths = np.array([len(recording) for recording in recordings], float)
        self.shares = lengths / lengths.sum()

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
        recording = self.recordings[rng.choice(len(self.recordings), p=self.shares)]
        start = int(rng.integers(0, max(1, len(recording) - shape[-1] + 1)))
        return scale_to_unit_power(np.resize(recording[start : start + shape[-1]], shape))


def power(waves: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean square of each signal, (..., C, T) to (...)."""
    return np.asarray(np.square(waves, dtype=np.float64).mean(axis=(-2, -1)))


def scale_to_unit_power(waves: NDArray[Any]) -> Waves:
    """Return a signal (C, T) scaled to unit power; silence is unchanged."""
    level = np.sqrt(np.square(waves, dtype=np.float64).mean())
    return np.asarray(waves / level if level > 0 else waves, np.float32)


def mix(clean: Waves, noise: Waves, snr_db: float) -> Waves:
    """Return a signal with added noise such that 10 log10(power of the signal / power of the noise)
    is `snr_db`.

    Silence is unchanged, as no ratio to it is defined.

    Shape:
        clean, noise: (C, T) -> (C, T)
    """
    noise_power = float(power(noise))
    gain = (
        np.sqrt(float(power(clean)) / noise_power / 10 ** (snr_db / 10)) if noise_power > 0 else 0.0
    )
    return clean + np.float32(gain) * noise
