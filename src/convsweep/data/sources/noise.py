"""Background noise: white, pink, babble made of other signals, or recorded; all draws come from the
generator handed in.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Waves = NDArray[np.float32]
NoiseKind = Literal["white", "pink", "babble", "folder"]


class Noise(Protocol):
    """Draws noise of about unit power, in the shape (C, T) that is asked for."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, int]) -> Waves: ...


def white(rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
    """Return noise with equal power at every frequency."""
    return rng.standard_normal(shape, np.float32)


def pink(rng: np.random.Generator, shape: tuple[int, int]) -> Waves:
    """Return noise whose power falls with frequency as 1 / f, 3 dB an octave, without a constant
    part.
    """
    spectrum = np.fft.rfft(white(rng, shape))
    spectrum *= np.concatenate([[0.0], np.arange(1, spectrum.shape[-1]) ** -0.5])
    return scale_to_unit_power(np.fft.irfft(spectrum, shape[-1]))


class Babble:
    """Many voices at once: signals of a set, each moved in time by a draw and made as loud as the
    others.

    Args:
        voices: (M, C, T) the signals.
        num_voices: how many speak at once.
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
    """Pieces of recordings.

    Args:
        recordings: one (T,) each; a piece of one is repeated where it is shorter than what is asked
            for.
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
    """Return a signal (C, T) with unit power, or silence as it is."""
    level = np.sqrt(np.square(waves, dtype=np.float64).mean())
    return np.asarray(waves / level if level > 0 else waves, np.float32)


def mix(clean: Waves, noise: Waves, snr_db: float) -> Waves:
    """Return a signal with noise so loud that 10 log10(power of the signal / power of the noise) is
    `snr_db`.

    Silence stays silent: no noise has a ratio to it.

    Shape:
        clean, noise: (C, T) -> (C, T)
    """
    noise_power = float(power(noise))
    gain = (
        np.sqrt(float(power(clean)) / noise_power / 10 ** (snr_db / 10)) if noise_power > 0 else 0.0
    )
    return clean + np.float32(gain) * noise
