"""Handwritten digits, 8x8 grey, shipped with scikit-learn: no download."""

import gzip
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import DataInfo, Parts, Samples, number_names

CLASS_NAMES = tuple("0123456789")


def load_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all 1,797 digits and their labels.

    The file is read from the installed package, because importing sklearn.datasets takes over half
    a second.

    Shape:
        (1797, 1, 8, 8) uint8, the file's 0 to 16 scaled to 0 to 255; (1797,) int64
    """
    spec = find_spec("sklearn")
    assert spec is not None
    assert spec.origin is not None
    with gzip.open(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz", "rt") as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64)
    x = np.round(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
    return x, table[:, -1].copy()


class Digits(DataModule):
    """1,797 digits of 43 writers (Alpaydin and Kaynak, Optical Recognition of Handwritten Digits,
    1998).
    """

    def describe(self) -> DataInfo:
        return DataInfo(in_shape=(1, 8, 8), num_classes=10, class_names=CLASS_NAMES)

    def read(self) -> Parts:
        x, y = load_digits()
        return Samples(x, y, number_names("digits", len(y))), None, None
