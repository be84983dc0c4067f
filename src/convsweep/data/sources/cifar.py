"""CIFAR-10 and CIFAR-100: 32x32 colour images in the batch files of their authors."""

import io
import pickle
import tarfile
from pathlib import Path
from typing import Any, ClassVar, Unpack

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.files.array_pickle import ArrayUnpickler
from convsweep.data.files.download import Remote, download, first_existing
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.errors import UserError

CLASSES_100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""


class CIFAR10(DataModule):
    """50,000 + 10,000 photographs of 10 classes (Krizhevsky, Learning Multiple Layers of Features,
    2009).

    Args:
        root: folder that holds cifar-10-batches-py or cifar-10-python.tar.gz; downloaded if both
            are missing.
    """

    folder: ClassVar[str] = "cifar-10-batches-py"
    archive: ClassVar[str] = "cifar-10-python.tar.gz"
    md5: ClassVar[str] = "c58f30108f718f92721af3b95e74349a"
    files: ClassVar[dict[str, tuple[str, ...]]] = {
        "train": tuple(f"data_batch_{i}" for i in range(1, 6)),
        "test": ("test_batch",),
    }
    label_key: ClassVar[str] = "labels"
    class_names: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    def __init__(self, root: str = "data", **loading: Unpack[LoadingOptions]) -> None:
        super().__init__(**loading)
        self.root = Path(root).expanduser()

    def describe(self) -> DataInfo:
        return DataInfo(
            in_shape=(3, 32, 32), num_classes=len(self.class_names), class_names=self.class_names
        )

    def find(self) -> Path | None:
        """Return the folder of batch files, or the archive, or None."""
        roots = (self.root, self.root / "cifar10", self.root / "cifar100")
        folders = [root / self.folder for root in roots]
        if self.root.name == self.folder:
            folders.append(self.root)
        return first_existing([*folders, *(root / self.archive for root in roots)])

    def fetch(self) -> None:
        if self.find() is None:
            remote = Remote(
                self.archive, self.md5, (f"https://www.cs.toronto.edu/~kriz/{self.archive}",)
            )
            download([remote], self.root, lambda: self.find() is None, unpacked=self.folder)

    def read(self) -> Parts:
        place = self.find()
        assert place is not None
        batches = self.from_archive(place) if place.is_file() else self.from_folder(place)
        parts = []
        for part, files in self.files.items():
            x = np.concatenate(
                [np.asarray(batches[file]["data"], np.uint8) for file in files]
            ).reshape(-1, 3, 32, 32)
            y = np.concatenate(
                [np.asarray(batches[file][self.label_key], np.int64) for file in files]
            )
            parts.append(Samples(x, y, number_names(part, len(x))))
        return parts[0], None, parts[1]

    def from_folder(self, folder: Path) -> dict[str, dict[str, Any]]:
        """Return the batches of a folder by name.

        Raises:
            UserError: one is missing or broken.
        """
        names = [name for files in self.files.values() for name in files]
        absent = [name for name in names if not (folder / name).is_file()]
        if absent:
            raise UserError(
                f"{folder} must hold {', '.join(names)}, but lacks {', '.join(absent)}; unpack"
                f" {self.archive} again."
            )
        return {name: self.unpickle((folder / name).read_bytes(), folder / name) for name in names}

    def from_archive(self, file: Path) -> dict[str, dict[str, Any]]:
        """Return the batches of the archive, without unpacking it to disk.

        Raises:
            UserError: the archive is cut off, or lacks batches.
        """
        wanted = {f"{self.folder}/{name}": name for files in self.files.values() for name in files}
        found = {}
        try:
            with tarfile.open(file) as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.name in wanted else None
                    if stream is not None:
                        found[wanted[member.name]] = self.unpickle(stream.read(), file)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise UserError(
                f"{file} must be a whole archive, but is not: {error}; delete it to download it"
                " again."
            ) from error
        if len(found) < len(wanted):
            raise UserError(
                f"{file} must hold {', '.join(wanted)}, but lacks some; delete it to download it"
                " again."
            )
        return found

    def unpickle(self, content: bytes, file: Path) -> dict[str, Any]:
        """Return pixels and labels of a batch file.

        Raises:
            UserError: it is not a batch file.
        """
        try:
            batch = ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
            return {"data": batch["data"], self.label_key: batch[self.label_key]}
        except (
            pickle.UnpicklingError,
            EOFError,
            ValueError,
            KeyError,
            TypeError,
            IndexError,
            AttributeError,
        ) as error:
            raise UserError(
                f"{file} must be a batch file as published, but is not: {error}; unpack"
                f" {self.archive} again."
            ) from error


class CIFAR100(CIFAR10):
    """50,000 + 10,000 photographs of 100 classes, the fine labels (Krizhevsky, 2009).

    Args:
        root: folder that holds cifar-100-python or cifar-100-python.tar.gz; downloaded if both are
            missing.
    """

    folder = "cifar-100-python"
    archive = "cifar-100-python.tar.gz"
    md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    files: ClassVar[dict[str, tuple[str, ...]]] = {"train": ("train",), "test": ("test",)}
    label_key = "fine_labels"
    class_names = tuple(CLASSES_100.split())
