"""MNIST and Fashion-MNIST: 28x28 grey images in the original IDX files, plain or gzipped."""

import gzip
import math
import zlib
from pathlib import Path
from typing import ClassVar, Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.files.download import Remote, download, first_existing
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.errors import UserError

# The code of the element type in the header of an IDX file.
UNSIGNED_BYTES = 8
PREFIXES = {"train": "train", "test": "t10k"}


class MNIST(DataModule):
    """60,000 + 10,000 handwritten digits (LeCun, Bottou, Bengio and Haffner, 1998).

    Args:
        root: folder that holds MNIST/raw/train-images-idx3-ubyte(.gz) and the other three files;
            downloaded if missing.
    """

    folder: ClassVar[str] = "MNIST"
    class_names: ClassVar[tuple[str, ...]] = tuple("0123456789")
    mirrors: ClassVar[tuple[str, ...]] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    )
    md5: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    }

    def __init__(self, root: str = "data", **loading: Unpack[LoadingOptions]) -> None:
        super().__init__(**loading)
        self.root = Path(root).expanduser()

    def describe(self) -> DataInfo:
        return DataInfo(in_shape=(1, 28, 28), num_classes=10, class_names=self.class_names)

    def find(self, name: str) -> Path | None:
        """Return the path of a file, plain or gzipped, in the usual folders; None if it is
        missing.
        """
        folders = (
            self.root / self.folder / "raw",
            self.root / self.folder,
            self.root / "raw",
            self.root,
        )
        return first_existing(
            folder / f"{name}{ending}" for folder in folders for ending in ("", ".gz")
        )

    def is_missing(self) -> bool:
        return any(self.find(name) is None for name in self.md5)

    def fetch(self) -> None:
        if self.is_missing():
            absent = {name: md5 for name, md5 in self.md5.items() if self.find(name) is None}
            remotes = [
                Remote(f"{name}.gz", md5, tuple(f"{url}{name}.gz" for url in self.mirrors))
                for name, md5 in absent.items()
            ]
            download(remotes, self.root / self.folder / "raw", self.is_missing)

    def read(self) -> Parts:
        parts = []
        for part, prefix in PREFIXES.items():
            x = self.array(f"{prefix}-images-idx3-ubyte", (28, 28))[:, None]
            y = self.array(f"{prefix}-labels-idx1-ubyte", ()).astype(np.int64)
            parts.append(Samples(x, y, number_names(part, len(x))))
        return parts[0], None, parts[1]

    def array(self, name: str, row_shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """Return the array of an existing file.

        Raises:
            UserError: it is truncated, or holds samples of another shape.
        """
        file = self.find(name)
        assert file is not None, name
        array = read_idx(file)
        if array.shape[1:] != row_shape:
            raise UserError(
                f"{file} must hold samples of shape {row_shape}, but holds {array.shape[1:]};"
                " replace it by the published file."
            )
        return array


class FashionMNIST(MNIST):
    """60,000 + 10,000 pictures of clothes (Xiao, Rasul and Vollgraf, 2017).

    Args:
        root: folder that holds FashionMNIST/raw/train-images-idx3-ubyte(.gz) and the other three
            files.
    """

    folder = "FashionMNIST"
    class_names = (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    )
    mirrors = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",)
    md5: ClassVar[dict[str, str]] = {
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    }


def read_idx(file: Path) -> NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes, decompressed in memory if it is a .gz.

    Format: two zero bytes, the type, the number of axes, the sizes as big-endian 32-bit numbers,
        the values.

    Raises:
        UserError: it is truncated or not an IDX file.
    """
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        if len(content) < 4 or content[:3] != bytes([0, 0, UNSIGNED_BYTES]):
            raise ValueError("it does not begin as an IDX file of bytes does")
        offset = 4 + 4 * content[3]
        shape = tuple(int(size) for size in np.frombuffer(content[4:offset], ">u4"))
        if len(content) != offset + math.prod(shape):
            raise ValueError(
                f"{offset + math.prod(shape)} bytes expected for shape {shape}, {len(content)}"
                " found"
            )
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise UserError(
            f"{file} must be a whole IDX file, but is not: {error}; delete it to download it again,"
            " or replace it."
        ) from error
    return np.frombuffer(content, np.uint8, offset=offset).reshape(shape)
