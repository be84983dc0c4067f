"""Samples of different sizes as one array: their values lie behind each other, in memory or on disk."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.loading.pickled_by_path import PickledByPath


class Ragged(PickledByPath):
    """Arrays of one number of axes and of different shapes.

    Args:
        values: (M,) the values of all arrays, each in C order; may be memory-mapped.
        shapes: shape of each array.
        starts: where each begins; None: one behind the other.
    """

    def __init__(
        self, values: NDArray[Any], shapes: Sequence[tuple[int, ...]], starts: Sequence[int] | NDArray[np.int64] | None = None
    ) -> None:
        self.values, self.shapes = values, list(shapes)
        self.starts = offsets(shapes) if starts is None else np.asarray(starts)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return one array, by its number: a view, so that of a memory map only what is used is read."""
        shape, start = self.shapes[index], int(self.starts[index])
        return self.values[start : start + int(np.prod(shape))].reshape(shape)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def select(self, indices: Sequence[int] | NDArray[np.int64]) -> "Ragged":
        """Return the arrays at `indices`, in that order; nothing is copied."""
        return Ragged(self.values, [self.shapes[i] for i in indices], self.starts[np.asarray(indices)])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (N, ...) of all arrays as if they were one, -1 along axes where they differ."""
        return (len(self), *(sizes[0] if len(set(sizes)) == 1 else -1 for sizes in zip(*self.shapes, strict=True)))

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @cached_property
    def size(self) -> int:
        return sum(int(np.prod(shape)) for shape in self.shapes)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def in_memory(self) -> "Ragged":
        """Return the same arrays, read."""
        return Ragged(np.concatenate([np.asarray(one).reshape(-1) for one in self]), self.shapes)


def offsets(shapes: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """Return where each of several arrays begins if they lie one behind the other."""
    return np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])[:-1]
