"""Resampling of recordings that are read in pieces."""

from collections.abc import Iterator
from math import ceil, gcd
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Waves = NDArray[np.float32]
# Half length of scipy's default filter, in samples of the lower of the two rates.
REACH = 10


class Waveform(Protocol):
    """Signals (C, T) that can be read in pieces by `[:, start:stop]`: an array, a file."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    def __getitem__(self, index: tuple[slice, slice]) -> Waves: ...


class Resampled:
    """A recording at another rate, resampled on reading; a piece equals the same part of the whole
    resampled recording.

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
    """Yield start and stop of each piece of a recording of `length` samples."""
    for start in range(0, length, size):
        yield start, min(length, start + size)
