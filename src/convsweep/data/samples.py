"""Description of a data set, and arrays of samples with their labels and names."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.loading.array_types import Made, PickledByPath, Ragged
from convsweep.task import CLASSIFICATION, Task, find_task

PARTS = ("train", "val", "test")
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class DataInfo:
    """Description of a data set.

    Args:
        in_shape: (C, *spatial) of what a network is trained on: a sample, or a crop of one.
        num_classes: number of classes including the background; for targets that are not classes,
            the number of their channels or numbers.
        class_names: one name a class, channel or number.
        task: name of the task that the targets are for, see `convsweep.task`.
        ignore_index: the mask value that is left out of loss and metrics, or None.
        any_size: samples differ in size; training uses crops of `in_shape`, everything else whole
            samples.
        sample_rate_hz: sample rate of recordings; None if the axis is not time.
    """

    in_shape: tuple[int, ...]
    num_classes: int
    class_names: tuple[str, ...]
    task: str = CLASSIFICATION
    ignore_index: int | None = None
    any_size: bool = False
    sample_rate_hz: int | None = None

    def __post_init__(self) -> None:
        assert len(self.class_names) == self.num_classes, (self.class_names, self.num_classes)

    @property
    def kind(self) -> Task:
        """The task of this name."""
        return find_task(self.task)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of the target of one sample."""
        return self.kind.target_shape(self.num_classes, self.spatial_shape)

    @property
    def in_channels(self) -> int:
        return self.in_shape[0]

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        return self.in_shape[1:]


class Rows(PickledByPath):
    """Selected rows of a memory-mapped array, read on access.

    Args:
        source: (M, ...) the memory-mapped array.
        rows: (N,) indices of the rows, in order.
    """

    def __init__(self, source: np.memmap[Any, Any], rows: Indices) -> None:
        self.source = source
        self.rows = rows

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self.source.dtype
        return dtype

    @property
    def ndim(self) -> int:
        return self.source.ndim

    @property
    def nbytes(self) -> int:
        return self.source.itemsize * int(np.prod(self.shape))

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return the samples at `index` (an int, a slice or an array of positions) as an array in
        memory.
        """
        return np.asarray(self.source[self.rows[index]])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


Array = NDArray[Any] | Rows | Ragged | Made


def choose(array: Array, indices: Indices) -> Array:
    """Return the samples at `indices`: a copy for arrays in memory, else a view by index."""
    if isinstance(array, Ragged):
        return array.select(indices)
    if isinstance(array, Rows):
        return Rows(array.source, array.rows[indices])
    if isinstance(array, np.memmap):
        return Rows(array, indices)
    return array[indices]


def join_arrays(first: Array, second: Array) -> Array:
    """Return the samples of two arrays of one kind: by index if they are of the same file or
    values, else a copy in memory.
    """
    if isinstance(first, Ragged) and isinstance(second, Ragged):
        shapes = [*first.shapes, *second.shapes]
        if first.values is second.values:
            return Ragged(first.values, shapes, np.concatenate([first.starts, second.starts]))
        both = (first.in_memory().values, second.in_memory().values)
        return Ragged(np.concatenate(both), shapes)
    if isinstance(first, Rows) and isinstance(second, Rows) and first.source is second.source:
        return Rows(first.source, np.concatenate([first.rows, second.rows]))
    return np.concatenate([np.asarray(first), np.asarray(second)])


def is_on_disk(array: Array) -> bool:
    """Return whether an array is read from a memory-mapped file."""
    return isinstance(array.values if isinstance(array, Ragged) else array, Rows | np.memmap)


def in_memory(array: Array) -> Array:
    """Return an array whose contents are in memory."""
    return array.in_memory() if isinstance(array, Ragged) else np.array(array)


@dataclass(frozen=True)
class Samples:
    """A part of a data set.

    Shape:
        x: (N, C, *spatial) uint8 or float32; `Ragged` if samples differ in spatial shape.
        y: (N,) int64 labels, (N, *spatial) uint8 or int16 masks, or float32 numbers (N,
            num_classes) or signals (N, num_classes, *spatial): what `Task.target_shape` says.
        names: N names that identify the samples (a file, or "train/17").
    """

    x: Array
    y: Array
    names: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def select(self, indices: Indices) -> "Samples":
        """Return the samples at `indices`, in that order."""
        return Samples(
            choose(self.x, indices), choose(self.y, indices), [self.names[i] for i in indices]
        )

    def join(self, other: "Samples") -> "Samples":
        """Return these samples and then the others."""
        x, y = join_arrays(self.x, other.x), join_arrays(self.y, other.y)
        return Samples(x, y, [*self.names, *other.names])


# The training part, and the validation and test parts or None.
Parts = tuple[Samples, Samples | None, Samples | None]


def number_names(part: str, count: int) -> list[str]:
    """Return names for unnamed samples: "train/0", "train/1", ..."""
    return [f"{part}/{number}" for number in range(count)]
