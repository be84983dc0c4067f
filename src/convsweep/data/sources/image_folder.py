"""Images of your own, one folder a class, with or without folders train, val and test."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.files.decoding import Keep, Storage, decode_images, image_shape
from convsweep.data.files.folders import (
    class_folders,
    existing_folder,
    files_below,
    image_files,
    is_image,
    part_folders,
    relative_names,
)
from convsweep.data.files.images import WHITE, Color, ImageDecoding, Resize
from convsweep.data.files.unreadable import OnUnreadable, Unreadable
from convsweep.data.groups import folder_below_parts
from convsweep.data.options import LoadingOptions, per_axis
from convsweep.data.samples import DataInfo, Parts, Samples
from convsweep.errors import UserError

EXPECTED = (
    "a folder with one folder of images a class (or train, val and test with such folders in each)"
)


class ImageFolder(DataModule):
    """Classification of image files by the folder that they are in.

    Args:
        root: the folder.
        image_size: one number or (height, width); null if all files are of one size.
        resize: "stretch", "crop" the middle, or "pad" with black.
        color: "grey", "rgb", or "auto": the colour of the first file, which all must share.
        white: of 16-bit images, the value that becomes 255, as do brighter ones.
        keep: keep decoded images in "memory" or on "disk" (a memory-mapped cache); "auto" chooses
            by size.
        cache_dir: folder of the cache; null: convsweep in the user's cache folder.
        on_unreadable: "error", or "skip" files that cannot be read, and say how many.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        image_size: int | Sequence[int] | None = None,
        resize: Resize = "stretch",
        color: Color = "auto",
        white: int = WHITE,
        keep: Keep = "auto",
        cache_dir: str | None = None,
        on_unreadable: OnUnreadable = "error",
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.root = Path(root).expanduser()
        self.decoding = ImageDecoding(
            per_axis("image_size", image_size, 2, int), resize, color, white
        )
        self.storage = Storage(keep, cache_dir)
        self.unreadable = Unreadable(on_unreadable)

    @cached_property
    def parts_of_root(self) -> dict[str, Path]:
        return part_folders(existing_folder(self.root, EXPECTED)) or {"train": self.root}

    @cached_property
    def class_names(self) -> list[str]:
        """The class folders of the training part, which must include those of all other parts.

        Raises:
            UserError: another part has a class that the training part lacks.
        """
        names = class_folders(self.parts_of_root["train"])
        for part, folder in self.parts_of_root.items():
            strange = sorted(set(class_folders(folder)) - set(names))
            if strange:
                raise UserError(
                    f"Every class must be in the training part, but {part} has {examples(strange)},"
                    f" which {self.parts_of_root['train']} has not; add images of it or remove it."
                )
        return names

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        files = files_below(self.parts_of_root["train"] / self.class_names[0], is_image)
        return image_shape(files, self.decoding, self.root, self.unreadable)

    def folder_of(self, name: str) -> str:
        """Return the folder of an image below that of its class, so that a group may have images in
        several classes.
        """
        return folder_below_parts(name).partition("/")[2]

    def describe(self) -> DataInfo:
        names = self.class_names
        return DataInfo(self.shape, len(names), tuple(names))

    def read(self) -> Parts:
        files, labels, ends = [], [], {}
        for part, folder in self.parts_of_root.items():
            for label, name in enumerate(self.class_names):
                found = image_files(folder / name) if (folder / name).is_dir() else []
                files += found
                labels += [label] * len(found)
            ends[part] = len(files)
        samples = Samples(
            decode_images(
                files, self.root, self.decoding, self.shape, self.storage, self.unreadable
            ),
            np.array(labels, np.int64),
            relative_names(files, self.root),
        )
        if len(ends) == 1:
            return samples, None, None
        borders = [0, *ends.values()]
        parts = {
            part: samples.select(np.arange(borders[i], borders[i + 1]))
            for i, part in enumerate(ends)
        }
        return parts["train"], parts.get("val"), parts.get("test")
