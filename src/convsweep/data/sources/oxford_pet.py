"""Oxford-IIIT Pet: photographs of cats and dogs, segmented into pet, background and border."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal, Unpack

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.files.decoding import Keep, Storage
from convsweep.data.files.download import Remote, download
from convsweep.data.files.images import ImageDecoding, Resize
from convsweep.data.files.masks import MaskCoding
from convsweep.data.files.pairs import Pair, decode_pairs
from convsweep.data.options import LoadingOptions, per_axis
from convsweep.data.samples import DataInfo, Parts, Samples
from convsweep.errors import UserError
from convsweep.task import SEGMENTATION

Border = Literal["class", "ignore"]
URL = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/"
REMOTES = {
    "images": Remote("images.tar.gz", "5c4f3ee8e5d25df40f4fd59a7f44e54c", (f"{URL}images.tar.gz",)),
    "annotations": Remote(
        "annotations.tar.gz", "95a8c909bbe2e81eed6a22bccdf3f68f", (f"{URL}annotations.tar.gz",)
    ),
}


class OxfordPet(DataModule):
    """3,680 + 3,669 photographs (Parkhi, Vedaldi, Zisserman and Jawahar, Cats and Dogs, 2012).

    Args:
        root: folder that holds oxford-iiit-pet/images and oxford-iiit-pet/annotations; downloaded
            if they are missing.
        image_size: one number or (height, width); the photographs differ in size.
        resize: "stretch", "crop" the middle, or "pad".
        border: treat the narrow border between pet and background as a "class", or "ignore" it in
            loss and metrics.
        keep: keep decoded images in "memory" or on "disk" (a memory-mapped cache); "auto" chooses
            by size.
        cache_dir: folder of the cache; null: convsweep in the user's cache folder.
    """

    def __init__(
        self,
        root: str = "data",
        image_size: int | Sequence[int] = 128,
        resize: Resize = "stretch",
        border: Border = "class",
        keep: Keep = "auto",
        cache_dir: str | None = None,
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.folder = Path(root).expanduser() / "oxford-iiit-pet"
        size = per_axis("image_size", image_size, 2, int)
        if size is None:
            raise UserError(
                "The photographs of oxford_pet are of many sizes; set data.image_size to one."
            )
        self.decoding, self.shape = ImageDecoding(size, resize, "rgb"), (3, *size)
        names = ("pet", "background", "border") if border == "class" else ("pet", "background")
        self.coding = MaskCoding("trimap", names, ignore_index=None if border == "class" else 255)
        self.storage = Storage(keep, cache_dir)

    def describe(self) -> DataInfo:
        return DataInfo(
            self.shape,
            len(self.coding.class_names),
            self.coding.class_names,
            SEGMENTATION,
            self.coding.ignore_index,
        )

    def is_missing(self, name: str) -> bool:
        return not (self.folder / name).is_dir()

    def fetch(self) -> None:
        for name, remote in REMOTES.items():
            if self.is_missing(name):
                download([remote], self.folder, partial(self.is_missing, name), unpacked=name)

    def read(self) -> Parts:
        return self.read_part("trainval"), None, self.read_part("test")

    def read_part(self, split: str) -> Samples:
        """Return the images of the published list of a split.

        Raises:
            UserError: the list, or an image on it, is missing.
        """
        list_file = self.folder / "annotations" / f"{split}.txt"
        if not list_file.is_file():
            raise UserError(
                f"The list of images must be at {list_file}, but is not; unpack annotations.tar.gz"
                " there again."
            )
        stems = [line.split()[0] for line in list_file.read_text().splitlines() if line.strip()]
        pairs = [
            Pair(
                self.folder / "images" / f"{s}.jpg",
                self.folder / "annotations" / "trimaps" / f"{s}.png",
            )
            for s in stems
        ]
        absent = [
            str(file) for pair in pairs for file in (pair.image, pair.mask) if not file.is_file()
        ]
        if absent:
            raise UserError(
                f"Every listed image must be there, but {len(absent)} are not: {examples(absent)};"
                " unpack the archives again."
            )
        return decode_pairs(
            pairs,
            self.folder,
            self.decoding,
            self.shape,
            self.coding,
            self.storage,
            self.unreadable,
        )
