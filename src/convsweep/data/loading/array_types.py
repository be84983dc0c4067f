"""Array types beyond numpy's: computed row by row, memory-mapped and pickled by path, or with rows
of different sizes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Made:
    """An array whose rows are computed from their index.

    Args:
        make: returns the row of an index, the same at every call.
        shape: (N, ...) of all rows.
        dtype: of the rows.
    """

    def __init__(
        self, make: Callable[[int], NDArray[Any]], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> None:
        self.make, self.shape, self.dtype = make, shape, dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Size in bytes of all rows in memory."""
        return self.dtype.itemsize * int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return the rows at `index` (an int, a slice or an array of positions) as an array in
        memory.
        """
        rows = np.arange(len(self))[index]
        if rows.ndim == 0:
            return self.make(int(rows))
        made = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for place, row in enumerate(rows.tolist()):
            made[place] = self.make(row)
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


@dataclass(frozen=True)
class Mapped:
    """Location of a memory-mapped array in its file; the order of axes may differ from the
    file's.
    """

    file: str | Path
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array: np.memmap[Any, Any]) -> "Mapped":
        """Return the location of an array, or of a view of one."""
        root = array
        while isinstance(root.base, np.memmap):
            root = root.base
        assert array.filename is not None
        # a view has the `offset` of the array that it was taken from
        offset = root.offset + array.ctypes.data - root.ctypes.data
        return cls(array.filename, array.dtype, offset, array.shape, array.strides)

    def open_array(self) -> np.memmap[Any, Any]:
        """Return the array."""
        reach = sum(
            (size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)
        )
        content = np.memmap(self.file, np.uint8, "r", self.offset, (reach + self.dtype.itemsize,))
        view = np.lib.stride_tricks.as_strided(
            content.view(self.dtype), self.shape, self.strides, subok=True, writeable=False
        )
        assert isinstance(view, np.memmap)
        return view


class PickledByPath:
    """Pickles the memory-mapped arrays among its attributes by their location, without the
    values.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {
            name: Mapped.of(value) if isinstance(value, np.memmap) else value
            for name, value in vars(self).items()
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(
            {
                name: value.open_array() if isinstance(value, Mapped) else value
                for name, value in state.items()
            }
        )


class Ragged(PickledByPath):
    """Arrays with the same number of axes and different shapes.

    Args:
        values: (M,) the values of all arrays, each in C order; may be memory-mapped.
        shapes: shape of each array.
        starts: index in `values` of the first value of each; None: one after the other.
    """

    def __init__(
        self,
        values: NDArray[Any],
        shapes: Sequence[tuple[int, ...]],
        starts: Sequence[int] | NDArray[np.int64] | None = None,
    ) -> None:
        self.values, self.shapes = values, list(shapes)
        self.starts = offsets(shapes) if starts is None else np.asarray(starts)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return one array by its index, as a view, so that only the parts used are read from a
        memory map.
        """
        shape, start = self.shapes[index], int(self.starts[index])
        return self.values[start : start + int(np.prod(shape))].reshape(shape)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self[index] for index in range(len(self)))

    def select(self, indices: Sequence[int] | NDArray[np.int64]) -> "Ragged":
        """Return the arrays at `indices`, in that order; nothing is copied."""
        return Ragged(
            self.values, [self.shapes[i] for i in indices], self.starts[np.asarray(indices)]
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.values.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape (N, ...) of the arrays stacked, with -1 along axes where they differ."""
        return (
            len(self),
            *(sizes[0] if len(set(sizes)) == 1 else -1 for sizes in zip(*self.shapes, strict=True)),
        )

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
        """Return the same arrays in memory."""
        return Ragged(np.concatenate([np.asarray(one).reshape(-1) for one in self]), self.shapes)


def offsets(shapes: Sequence[tuple[int, ...]]) -> NDArray[np.int64]:
    """Return the start of each of several arrays that are stored one after the other."""
    return np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])[:-1]


def spans_of(shapes: Sequence[tuple[int, ...]]) -> list[slice]:
    """Return the slices of arrays of these shapes that are stored one after the other."""
    return [
        slice(int(start), int(start) + int(np.prod(shape)))
        for start, shape in zip(offsets(shapes), shapes, strict=True)
    ]
