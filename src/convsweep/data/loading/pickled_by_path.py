"""Memory-mapped arrays on their way to another process, which gets the path of the file instead of its contents."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Mapped:
    """Where a memory-mapped array lies in its file; its axes may be in another order than there."""

    file: str | Path
    dtype: np.dtype[Any]
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @classmethod
    def of(cls, array: np.memmap[Any, Any]) -> "Mapped":
        """Return the place of an array, or of a view of one."""
        root = array
        while isinstance(root.base, np.memmap):
            root = root.base
        assert array.filename is not None
        offset = root.offset + array.ctypes.data - root.ctypes.data  # numpy gives a view the offset of what it is a view of
        return cls(array.filename, array.dtype, offset, array.shape, array.strides)

    def opened(self) -> np.memmap[Any, Any]:
        """Return the array."""
        reach = sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))
        content = np.memmap(self.file, np.uint8, "r", self.offset, (reach + self.dtype.itemsize,))
        view = np.lib.stride_tricks.as_strided(content.view(self.dtype), self.shape, self.strides, subok=True, writeable=False)
        assert isinstance(view, np.memmap)
        return view


class PickledByPath:
    """Pickles every memory-mapped array among its attributes as the place where it lies."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: Mapped.of(value) if isinstance(value, np.memmap) else value for name, value in vars(self).items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({name: value.opened() if isinstance(value, Mapped) else value for name, value in state.items()})
