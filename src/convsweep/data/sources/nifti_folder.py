"""Volumes of your own in NIfTI files and their label maps, paired by name, of any size."""

from collections.abc import Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.files.cache import Layout
from convsweep.data.files.decoding import DecodingJob, Keep, Storage, decode_files, unfit_message
from convsweep.data.files.folders import existing_folder, relative_names
from convsweep.data.files.holdout import parts_of, patterns_of, with_holdout
from convsweep.data.files.images import UnfitFileError, UnreadableFileError
from convsweep.data.files.masks import mask_coding
from convsweep.data.files.nifti import Volume, open_volume
from convsweep.data.files.pairs import FileKind, Pair, blamed_on, find_pairs
from convsweep.data.files.scans import (
    Scan,
    check_same_place,
    files_of,
    image_files,
    name_of,
    open_scan,
    suffixes_of,
    volume_files,
)
from convsweep.data.files.unreadable import SKIP, OnUnreadable, Unreadable
from convsweep.data.labels import outside
from convsweep.data.loading.array_types import Ragged, spans_of
from convsweep.data.loading.batches import Gather
from convsweep.data.loading.crops import Cropping
from convsweep.data.options import LoadingOptions, per_axis
from convsweep.data.samples import DataInfo, Parts, Samples
from convsweep.errors import UserError
from convsweep.task import SEGMENTATION


class NiftiFolder(DataModule):
    """Segmentation of volumes (.nii, .nii.gz); the mask of an image has the same name in another
    folder.

    All volumes are reoriented to right, anterior, superior. Training uses random crops of one
    shape; validation, test and prediction use whole volumes in overlapping windows of that shape.

    Args:
        root: holds the two folders; or train, val and test that do; or the two folders hold train,
            val and test.
        images: name of the folder of images.
        masks: name of the folder of masks.
        image_suffix: appended to the name in image files, such as "_0000"; a list if each channel
            of an image is a separate file.
        mask_suffix: appended to the name in mask files.
        class_names: names of the classes, the background first; null numbers them.
        num_classes: null counts `class_names`.
        ignore_index: the mask value that is left out of loss and metrics.
        holdout: patterns of file names (without extension) that form the test part.
        crop_size: shape of the crops in voxels, one number or three; null: the smallest that
            contains every training volume.
        crops_per_volume: crops a volume and epoch.
        foreground: share of crops centred at a position of a class other than the background.
        spacing: voxel spacing in millimetres to which all volumes are resampled, one number or
            three; null does not resample.
        keep, cache_dir, on_unreadable: as for a folder of images.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        images: str = "images",
        masks: str = "masks",
        image_suffix: str | Sequence[str] = "",
        mask_suffix: str = "",
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        holdout: str | Sequence[str] | None = None,
        crop_size: int | Sequence[int] | None = None,
        crops_per_volume: int = 1,
        foreground: float = 0.33,
        spacing: float | Sequence[float] | None = None,
        keep: Keep = "auto",
        cache_dir: str | None = None,
        on_unreadable: OnUnreadable = "error",
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.root = Path(root).expanduser()
        self.images, self.masks, self.mask_suffix = images, masks, mask_suffix
        self.image_suffixes = suffixes_of(image_suffix)
        self.coding = mask_coding("index", class_names, num_classes, None, ignore_index)
        self.patterns = patterns_of(holdout)
        self.crop_size, self.spacing = (
            per_axis("crop_size", crop_size, 3, int),
            per_axis("spacing", spacing, 3, float),
        )
        self.cropping = Cropping("crops_per_volume", crops_per_volume, foreground)
        self.storage = Storage(keep, cache_dir)
        self.unreadable = Unreadable(on_unreadable)

    @cached_property
    def pairs(self) -> dict[str, list[Pair]]:
        root = existing_folder(
            self.root, f"a folder with the folders {self.images} and {self.masks}"
        )
        kind = FileKind(
            partial(image_files, suffixes=self.image_suffixes),
            name_of,
            "data.image_suffix or data.mask_suffix",
        )
        masks = FileKind(volume_files, name_of, kind.remedy)
        found = find_pairs(
            root, self.images, self.masks, self.mask_suffix, self.image_suffixes[0], kind, masks
        )
        if not self.unreadable.skips:
            return found
        return {part: [pair for pair in own if self.opens(pair)] for part, own in found.items()}

    def opens(self, pair: Pair) -> bool:
        """Return whether the headers of a pair can be read; if not, it is left out."""
        try:
            open_pair(pair, self.image_suffixes, self.spacing)
        except UnreadableFileError:
            self.unreadable.names |= set(relative_names([pair.image], self.root))
            return False
        except UnfitFileError:
            return True  # is reported where it is read
        return True

    def describe(self) -> DataInfo:
        train = self.pairs["train"]
        opened = self.open_pairs(train if self.crop_size is None else train[:1])
        crop = self.crop_size or tuple(
            int(size) for size in np.max([image.shape for image, _ in opened], axis=0)
        )
        names, channels = self.coding.class_names, opened[0][0].channels
        return DataInfo(
            (channels, *crop),
            len(names),
            names,
            SEGMENTATION,
            self.coding.ignore_index,
            any_size=True,
        )

    def open_pairs(self, pairs: Sequence[Pair]) -> list[tuple[Scan, Volume]]:
        """Open images and masks and read their headers.

        Raises:
            UserError: naming files that cannot be used, differ in place from their image, or in
                channels from the first.
        """
        found: list[tuple[Scan, Volume]] = []
        unfit = []
        for pair in pairs:
            try:
                image, mask = open_pair(pair, self.image_suffixes, self.spacing)
                check_channels(image, found[0][0] if found else image)
                found.append((image, mask))
            except UnfitFileError as error:
                unfit.append((relative_names([error.file or pair.image], self.root)[0], error))
        if unfit:
            raise UserError(unfit_message(unfit, len(pairs), self.root, hint=SKIP))
        return found

    def read(self) -> Parts:
        pairs = [pair for part in self.pairs.values() for pair in part]
        volumes = self.open_pairs(pairs)
        shapes = [image.shape for image, _ in volumes]

        def decode(i: int) -> dict[str, Any]:
            image, mask = volumes[i]
            values = image.read()
            with blamed_on(pairs[i].mask):
                return {"x": values, "y": self.classes_of(mask)}

        total, channels = sum(int(np.prod(shape)) for shape in shapes), volumes[0][0].channels
        x_shapes = [(channels, *shape) for shape in shapes]
        job = DecodingJob(
            root=self.root,
            files=[
                file
                for pair in pairs
                for file in (*files_of(pair.image, self.image_suffixes), pair.mask)
            ],
            names=relative_names([pair.image for pair in pairs], self.root),
            layouts={
                "x": Layout((channels * total,), "float32"),
                "y": Layout((total,), self.coding.dtype.__name__),
            },
            settings=["nifti", self.spacing, repr(self.coding), self.image_suffixes],
            decode=decode,
            spans={"x": spans_of(x_shapes), "y": spans_of(shapes)},
        )
        arrays = decode_files(job, self.storage, self.unreadable)
        samples = Samples(
            Ragged(arrays["x"], x_shapes), Ragged(arrays["y"], shapes), list(job.names)
        )
        part_of = parts_of({part: len(own) for part, own in self.pairs.items()})
        return with_holdout(
            samples, [name_of(pair.image) for pair in pairs], part_of, self.patterns, self.root
        )

    def classes_of(self, mask: Volume) -> Any:
        """Return the class indices of a mask.

        Raises:
            UnfitFileError: it holds other values.
        """
        values = mask.read(is_mask=True)[0]
        count = len(self.coding.class_names)
        wrong = outside(values, count, self.coding.ignore_index) | (values != np.round(values))
        if wrong.any():
            found = examples([f"{value:g}" for value in np.unique(values[wrong])])
            raise UnfitFileError(
                f"Masks must hold whole numbers 0 to {count - 1}",
                found,
                "correct the masks, or set data.num_classes, data.class_names or data.ignore_index",
            )
        return values.astype(self.coding.dtype)

    def gather(self, samples: Samples, training: bool) -> Gather:
        return self.cropping.gather(samples, self.info, self.augmentation, training)


def open_pair(
    pair: Pair, suffixes: Sequence[str], spacing: Sequence[float] | None
) -> tuple[Scan, Volume]:
    """Open an image and its mask and read their headers.

    Raises:
        UnfitFileError: one is not a volume, or they differ in shape or place.
    """
    image = open_scan(pair.image, suffixes, spacing)
    with blamed_on(pair.mask):
        mask = open_volume(pair.mask, spacing)
        if mask.channels > 1:
            detail = "x".join(map(str, mask.image.shape))
            raise UnfitFileError(
                "A mask must have three axes",
                detail,
                "save the class of each position as one number",
            )
        check_same_place(image.volumes[0], mask, "A mask and its image")
    return image, mask


def check_channels(image: Scan, first: Scan) -> None:
    """Check that an image has as many channels as the first one.

    Raises:
        UnfitFileError: the numbers differ.
    """
    if image.channels != first.channels:
        remedy = "leave out what others lack; save the points of a time series as a file each"
        raise UnfitFileError(
            f"All images must have as many channels as the first, {first.channels}",
            str(image.channels),
            remedy,
        )
