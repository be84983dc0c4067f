"""All samples of a data set one after the other, and what may be wrong with some."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Array, DataInfo, Samples
from convsweep.data.statistics import chunks


@dataclass(frozen=True)
class Fault:
    """Something wrong with the data.

    Args:
        kind: one or two words.
        text: a sentence with the first few names.
        names: all of them.
    """

    kind: str
    text: str
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Everything:
    """All samples of all parts, one after the other.

    Args:
        x: arrays of the parts.
        names: of the samples.
        parts: number of the part of each, as in `PARTS`.
        y: targets of the parts.
        labels: class of each, None if samples have none.
    """

    x: list[Array]
    names: list[str]
    parts: NDArray[np.int64]
    y: list[Array]
    labels: NDArray[np.int64] | None

    @classmethod
    def of(cls, parts: Sequence[Samples | None], info: DataInfo) -> "Everything":
        """Put parts together; None is a part that does not exist."""
        there = [(number, part) for number, part in enumerate(parts) if part is not None]
        return cls(
            [part.x for _, part in there],
            [name for _, part in there for name in part.names],
            np.concatenate([np.full(len(part), number) for number, part in there]),
            [part.y for _, part in there],
            np.concatenate([np.asarray(part.y) for _, part in there])
            if info.kind.has_labels
            else None,
        )

    def samples(self) -> Iterable[NDArray[np.generic]]:
        """Yield every sample (C, *spatial)."""
        for x in self.x:
            for chunk in chunks(x):
                yield from chunk

    def sample(self, number: int) -> NDArray[np.float32]:
        """Return one sample (C, *spatial) by its number over all parts."""
        return np.asarray(row_of(self.x, number), dtype=np.float32)

    def target(self, number: int) -> bytes:
        """Return the target of one sample as bytes, to compare."""
        return np.ascontiguousarray(row_of(self.y, number)).tobytes()


def row_of(arrays: Sequence[Array], number: int) -> NDArray[Any]:
    """Return one row of arrays that together are one array."""
    for array in arrays:
        if number < len(array):
            return np.asarray(array[number])
        number -= len(array)
    raise IndexError(number)
