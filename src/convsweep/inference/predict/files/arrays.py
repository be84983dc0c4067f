"""Arrays in .npy and .npz files: samples of any number of axes, and results as .npy files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from convsweep.data.files import npy
from convsweep.data.files.images import UnfitFileError
from convsweep.errors import UserError
from convsweep.inference.predict.formats import Format, Result, Sample, place

RULE = "Arrays must hold numbers in the shape of the training data"


class ArrayFiles(Format):
    """One array a file: one sample, or several along the first axis, with the channel axis of the
    training data.

    A .npz file must hold a single array, or one named x or x_test.
    """

    suffixes = (".npy", ".npz")

    def read(self, file: Path) -> Iterator[Sample]:
        try:
            x = array_of(file)
        except UserError as error:
            raise UnfitFileError(
                "Arrays must be plain numbers, written whole by numpy", str(error), "save it again"
            ) from error
        if x.dtype.kind not in "biuf":
            raise UnfitFileError(RULE, f"holds {x.dtype}", "save it as uint8 or float32")
        x, is_one = self.as_samples(x)
        for index in range(len(x)):
            row = x[index] if x.dtype == np.uint8 else np.asarray(x[index], dtype=np.float32)
            if not np.isfinite(row).all():
                raise UnfitFileError(
                    "Samples must be finite",
                    f"NaN or infinity in sample {index}",
                    "repair or remove it",
                )
            name = file.name if is_one else f"{file.name}[{index}]"
            yield Sample(name, row, origin=is_one, index=index, count=len(x))

    def as_samples(self, x: NDArray[Any]) -> tuple[NDArray[Any], bool]:
        """Return samples (N, C, *spatial), and whether the array was a single sample.

        Raises:
            UnfitFileError: the shape does not match the training data.
        """
        from convsweep.data.sources.arrays import with_channels_first  # imports torch

        channels = self.data.get("channels", "first")
        axes = len(self.info.in_shape) - (channels == "none")
        is_one = x.ndim == axes
        batch = with_channels_first(x[None] if is_one else x, channels)
        if (
            x.ndim not in (axes, axes + 1)
            or batch.shape[1] != self.info.in_channels
            or 0 in batch.shape
        ):
            wanted = (
                self.info.in_shape
                if channels == "first"
                else f"{self.info.in_shape} with channels {channels}"
            )
            raise UnfitFileError(
                RULE, f"shape {x.shape}", f"one sample is {wanted}; several have an axis before it"
            )
        if not self.info.kind.is_dense and batch.shape[1:] != self.info.in_shape:
            raise UnfitFileError(
                RULE, f"shape {x.shape}", f"one sample is {self.info.in_shape}; cut or resample it"
            )
        return batch, is_one

    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        path = place(out, "masks" if self.info.kind.has_masks else "results", f"{name}.npy")
        if sample.origin:
            np.save(path, result)
            return path
        shape = (sample.count, *result.shape)
        rows = open_memmap(
            path,
            "w+" if sample.index == 0 else "r+",
            result.dtype,
            shape if sample.index == 0 else None,
        )
        rows[sample.index] = result
        rows.flush()
        return path


def array_of(file: Path) -> NDArray[Any]:
    """Return the array of a file, memory-mapped for .npy.

    Raises:
        UserError: it cannot be read, or holds several arrays, none of them named x or x_test.
    """
    if file.suffix == ".npy":
        return npy.load(file.parent, file.stem)
    names = list(npy.headers(file))
    known = [name for wanted in ("x_test", "x") for name in names if name.lower() == wanted]
    if not known and len(names) != 1:
        raise UserError(f"it holds {', '.join(names) or 'nothing'}, and none is called x")
    return npy.load(file, known[0] if known else names[0])
