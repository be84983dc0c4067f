"""Recordings at another sample rate, read piece by piece."""

from collections.abc import Iterator
from math import ceil, gcd
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Waves = NDArray[np.float32]
# Positions of the slower of the two rates that scipy's default filter looks at on each side.
REACH = 10


class Waveform(Protocol):
    """Signals (C, T) of which a piece can be read by `[:, start:stop]`: an array, a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, index: tuple[slice, slice]) -> Waves: ...


class Resampled:
    """A recording at another rate, resampled where it is read; every piece is equal to that of the
    whole.

    Args:
        source: (C, T) at `from_hz`.
        from_hz, to_hz: the two rates.

    Shape:
        (C, ceil(T * to_hz / from_hz))
    """

    def __init__(self, source: Waveform, from_hz: int, to_hz: int) -> None:
        common = gcd(from_hz, to_hz)
        self.source, self.up, self.down = source, to_hz // common, from_hz // common

    @property
    def shape(self) -> tuple[int, int]:
        return self.source.shape[0], ceil(self.source.shape[1] * self.up / self.down)

    def __getitem__(self, index: tuple[slice, slice]) -> Waves:
        start, stop, _ = index[1].indices(self.shape[1])
        if self.up == self.down:
            return self.source[:, start:stop]
        from scipy.signal import resample_poly

        # in steps of `down` here and `up` there
        margin = ceil(REACH * max(self.up, self.down) / (self.up * self.down)) + 1
        first, last = max(0, start // self.up - margin), ceil(stop / self.up) + margin
        piece = self.source[:, first * self.down : last * self.down]
        resampled = resample_poly(piece, self.up, self.down, axis=-1)
        return np.asarray(
            resampled[:, start - first * self.up : stop - first * self.up], np.float32
        )


def pieces(length: int, size: int) -> Iterator[tuple[int, int]]:
    """Yield where each piece of a recording of `length` begins and ends."""
    for start in range(0, length, size):
        yield start, min(length, start + size)
