"""Samples that are made each time they are read, so that they need no memory."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Made:
    """Rows that follow from their number.

    Args:
        make: returns a row from its number, always the same.
        shape: (N, ...) of all rows.
        dtype: of them.
    """

    def __init__(self, make: Callable[[int], NDArray[Any]], shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.make, self.shape, self.dtype = make, shape, dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """What all rows would need in memory."""
        return self.dtype.itemsize * int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> NDArray[Any]:
        """Return the rows at `index` (an int, a slice or an array of positions) as an array in memory."""
        rows = np.arange(len(self))[index]
        if rows.ndim == 0:
            return self.make(int(rows))
        made = np.empty((len(rows), *self.shape[1:]), self.dtype)
        for place, row in enumerate(rows.tolist()):
            made[place] = self.make(row)
        return made

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)
