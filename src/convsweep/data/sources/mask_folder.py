"""Images and masks of your own in two folders, paired by name, with or without folders train, val
and test.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Unpack

from convsweep.data.datamodule import DataModule
from convsweep.data.files.decoding import Keep, Storage, image_shape, num_readers
from convsweep.data.files.folders import existing_folder
from convsweep.data.files.holdout import parts_of, patterns_of, with_holdout
from convsweep.data.files.images import (
    WHITE,
    Color,
    ImageDecoding,
    Resize,
    Size,
    look_into,
    upright_size,
)
from convsweep.data.files.masks import Coding, mask_coding
from convsweep.data.files.pairs import Pair, decode_pairs, find_pairs
from convsweep.data.files.unreadable import OnUnreadable, Unreadable
from convsweep.data.loading.batches import Gather
from convsweep.data.loading.crops import Cropping
from convsweep.data.options import LoadingOptions, per_axis
from convsweep.data.samples import DataInfo, Parts, Samples
from convsweep.errors import UserError
from convsweep.task import SEGMENTATION

# Of a file that is no image; decoding it reports it.
NO_SIZE = (1, 1)


class MaskFolder(DataModule):
    """Segmentation of image files; the mask of an image has the same name in another folder.

    Args:
        root: holds the two folders; or train, val and test that do; or the two folders hold train,
            val and test.
        images: name of the folder of images.
        masks: name of the folder of masks.
        mask_suffix: appended to the image's name in the name of its mask, such as "_mask".
        coding: "index" (the pixel is the class), "binary" (0 and 1, or 0 and 255) or "rgb" (by
            `palette`).
        class_names: names of the classes; null numbers them.
        num_classes: how many classes an index mask has; null counts `class_names`.
        palette: colour of each class under "rgb", by name; the colour named `ignore` becomes the
            ignore index.
        ignore_index: the mask value that is left out of loss and metrics.
        holdout: patterns of file names (without extension) that form the test part, such as
            "2[4-9]".
        crop_size: train on random crops of this size in pixels, one number or (height, width), and
            apply the network to whole images, of any size, in overlapping windows of it; null:
            train on whole images.
        crops_per_image: crops an image and epoch.
        foreground: share of crops centred at a pixel of a class other than the first.
        image_size, resize, color, white, keep, cache_dir, on_unreadable: as for a folder of images;
            masks are resized to the nearest value.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        images: str = "images",
        masks: str = "masks",
        mask_suffix: str = "",
        coding: Coding = "index",
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        palette: Mapping[str, Sequence[int]] | None = None,
        ignore_index: int | None = None,
        holdout: str | Sequence[str] | None = None,
        crop_size: int | Sequence[int] | None = None,
        crops_per_image: int = 1,
        foreground: float = 0.33,
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
        self.images, self.masks, self.mask_suffix = images, masks, mask_suffix
        self.coding = mask_coding(coding, class_names, num_classes, palette, ignore_index)
        self.patterns = patterns_of(holdout)
        self.decoding = ImageDecoding(
            per_axis("image_size", image_size, 2, int), resize, color, white
        )
        self.crop_size = per_axis("crop_size", crop_size, 2, int)
        self.cropping = Cropping("crops_per_image", crops_per_image, foreground)
        if crop_size is not None and image_size is not None:
            raise UserError(
                "data.crop_size takes crops of images at their own resolution, but data.image_size"
                f" is {image_size}; leave one of them out"
            )
        self.storage = Storage(keep, cache_dir)
        self.unreadable = Unreadable(on_unreadable)

    @cached_property
    def pairs(self) -> dict[str, list[Pair]]:
        expected = f"a folder with the folders {self.images} and {self.masks}"
        return find_pairs(
            existing_folder(self.root, expected), self.images, self.masks, self.mask_suffix
        )

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        return image_shape(
            (pair.image for pair in self.pairs["train"]),
            self.decoding,
            self.root,
            self.unreadable,
        )

    def sizes(self, pairs: Sequence[Pair]) -> list[Size]:
        """Return the (height, width) of all images."""
        with ThreadPoolExecutor(num_readers()) as pool:
            found = pool.map(lambda pair: look_into(pair.image, upright_size), pairs)
            return [size or NO_SIZE for size in found]

    def describe(self) -> DataInfo:
        names = self.coding.class_names
        return DataInfo(
            (self.shape[0], *(self.crop_size or self.shape[1:])),
            len(names),
            names,
            SEGMENTATION,
            self.coding.ignore_index,
            any_size=self.crop_size is not None,
        )

    def read(self) -> Parts:
        pairs = [pair for part in self.pairs.values() for pair in part]
        samples = decode_pairs(
            pairs,
            self.root,
            self.decoding,
            self.shape,
            self.coding,
            self.storage,
            self.unreadable,
            None if self.crop_size is None else self.sizes(pairs),
        )
        part_of = parts_of({part: len(own) for part, own in self.pairs.items()})
        return with_holdout(
            samples, [pair.image.stem for pair in pairs], part_of, self.patterns, self.root
        )

    def gather(self, samples: Samples, training: bool) -> Gather:
        if self.crop_size is None:
            return super().gather(samples, training)
        return self.cropping.gather(samples, self.info, self.augmentation, training)
