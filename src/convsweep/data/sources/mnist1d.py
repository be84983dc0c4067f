"""MNIST-1D: signals of 40 points in ten classes, from the published pickle or a .npz of the same
arrays.
"""

import io
import pickle
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.files import npy
from convsweep.data.files.array_pickle import ArrayUnpickler
from convsweep.data.labels import whole_numbers
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.errors import UserError

FILES = ("mnist1d_data.pkl", "mnist1d.pkl", "mnist1d_data.npz", "mnist1d.npz")
KEYS = ("x", "y", "x_test", "y_test")
URL = "https://github.com/greydanus/mnist1d/raw/master/mnist1d_data.pkl"


class MNIST1D(DataModule):
    """4,000 + 1,000 signals, 10 classes (Greydanus and Kobak, Scaling Down Deep Learning with
    MNIST-1D, 2024).

    Args:
        root: the file, or the folder (or its subfolder mnist1d) that holds it.
    """

    def __init__(self, root: str = "data", **loading: Unpack[LoadingOptions]) -> None:
        super().__init__(**loading)
        self.root = Path(root).expanduser()

    def describe(self) -> DataInfo:
        self.file()
        return DataInfo(in_shape=(1, 40), num_classes=10, class_names=tuple("0123456789"))

    def file(self) -> Path:
        """Return the file of the data.

        Raises:
            UserError: it is missing; the message says which file to put where.
        """
        candidates = [self.root] + [
            folder / name for folder in (self.root, self.root / "mnist1d") for name in FILES
        ]
        for candidate in candidates:
            if candidate.is_file():
                return candidate
        raise UserError(
            f"MNIST-1D must lie at {self.root / 'mnist1d' / FILES[0]}, but is not there; put there"
            f" the file from {URL}"
        )

    def read(self) -> Parts:
        file = self.file()
        arrays = (
            {name: npy.load(file, name) for name in KEYS}
            if file.suffix == ".npz"
            else unpickle(file)
        )
        parts = []
        for part, suffix in (("train", ""), ("test", "_test")):
            x = np.asarray(arrays[f"x{suffix}"], dtype=np.float32)[:, None]
            y = whole_numbers(np.asarray(arrays[f"y{suffix}"]), f"y{suffix} of {file}")
            parts.append(Samples(x, y, number_names(part, len(x))))
        return parts[0], None, parts[1]


def unpickle(file: Path) -> dict[str, Any]:
    """Return the arrays of the published pickle.

    Raises:
        UserError: the file is broken, not this pickle, or holds more than arrays.
    """
    try:
        content = ArrayUnpickler(io.BytesIO(file.read_bytes())).load()
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        AttributeError,
        IndexError,
        TypeError,
    ) as error:
        raise UserError(
            f"The file must be MNIST-1D as published, but {file} cannot be read: {error}; fetch it"
            f" again from {URL}"
        ) from error
    missing = [key for key in KEYS if not isinstance(content, dict) or key not in content]
    if missing:
        raise UserError(
            f"The file must be MNIST-1D as published, but {file} has no {', '.join(missing)}; fetch"
            f" it again from {URL}"
        )
    return dict(content)
