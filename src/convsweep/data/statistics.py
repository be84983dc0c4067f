"""Mean, standard deviation and class counts of a training split, computed in chunks, since it may
be larger than memory.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.loading.array_types import Ragged
from convsweep.data.samples import Array

# Samples read at a time, so that sets larger than memory are measured too.
CHUNK_BYTES = 32 * 2**20


def chunks(array: Array) -> Iterator[NDArray[Any]]:
    """Yield the array in chunks of about 32 MiB along its first axis, or one by one if samples
    differ in size.
    """
    if isinstance(array, Ragged):
        yield from (one[None] for one in array)
        return
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    step = max(1, CHUNK_BYTES // row_bytes)
    for start in range(0, len(array), step):
        yield np.asarray(array[start : start + step])


def mean_and_std(x: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return mean and standard deviation per channel, in the units of `x`.

    A constant channel gets the standard deviation 1, to avoid division by zero.

    Shape:
        x: (N, C, *spatial) -> (C,), (C,)
    """
    axes = (0, *range(2, x.ndim))
    count = 0
    offset = np.asarray(x[0])[None].mean(axis=axes, dtype=np.float64)
    first, second = np.zeros_like(offset), np.zeros_like(offset)
    for chunk in chunks(x):
        count += chunk.size // chunk.shape[1]
        if chunk.dtype == np.uint8:
            offset = np.zeros_like(offset)
            first += chunk.sum(axis=axes, dtype=np.uint64)
            second += np.square(chunk, dtype=np.uint16).sum(axis=axes, dtype=np.uint64)
        else:
            centred = chunk.astype(np.float64) - offset.reshape(-1, *[1] * (x.ndim - 2))
            first += centred.sum(axis=axes)
            second += np.square(centred).sum(axis=axes)
    shift = first / count
    variance = np.maximum(second / count - np.square(shift), 0.0)
    std = np.sqrt(variance)
    mean = offset + shift
    constant = std <= 1e-7 * np.maximum(1.0, np.abs(mean))
    return mean.astype(np.float32), np.where(constant, 1.0, std).astype(np.float32)


def count_classes(y: Array, num_classes: int) -> NDArray[np.int64]:
    """Return the number of labels (samples, or positions of masks) of each class; other values are
    not counted.

    Shape:
        y: (N,) or (N, *spatial) -> (num_classes,)
    """
    total = np.zeros(num_classes, np.int64)
    for chunk in chunks(y):
        labels = chunk.reshape(-1)
        if labels.dtype == np.uint8:
            total += np.bincount(labels, minlength=256)[:num_classes]
        else:
            valid = labels[(labels >= 0) & (labels < num_classes)]
            total += np.bincount(valid, minlength=num_classes)
    return total
