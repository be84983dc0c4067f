"""Volumes of your own in NIfTI files (scans, say) and their label maps, paired by name, of any size."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from convsweep.data.cache import Layout
from convsweep.data.checks import examples
from convsweep.data.crops import Crops, Whole
from convsweep.data.datamodule import DataModule
from convsweep.data.decoding import Job, Keep, Storage, decoded, unfit_message
from convsweep.data.feeding import Gather
from convsweep.data.folders import existing_folder, files_below, relative_names
from convsweep.data.holdout import parts_of, patterns_of, with_holdout
from convsweep.data.images import UnfitFileError
from convsweep.data.labels import outside
from convsweep.data.masks import mask_coding
from convsweep.data.nifti import Volume, open_volume, stem
from convsweep.data.options import Feeding
from convsweep.data.pairs import Kind, Pair, blamed_on, find_pairs
from convsweep.data.per_axis import per_axis
from convsweep.data.ragged import Ragged, offsets
from convsweep.data.samples import Facts, Parts, Samples
from convsweep.errors import UserError

LARGEST_AFFINE_GAP = 0.5
"""How far image and mask may be apart anywhere, in positions of the mask."""


class NiftiFolder(DataModule):
    """Segmentation of volumes (.nii, .nii.gz); the mask of an image has its name and lies in another folder.

    All volumes are turned to one orientation (right, anterior, superior). Training sees crops of one shape, drawn anew every
    epoch; validation, test and prediction see whole volumes, in overlapping windows of that shape.

    Args:
        root: holds the two folders; or train, val and test that do; or the two folders hold train, val and test.
        images: name of the folder of images.
        masks: name of the folder of masks.
        image_suffix, mask_suffix: what the name of an image, or of a mask, has beyond that of the other, such as "_0000".
        class_names: names of the classes, the background first; null numbers them.
        num_classes: how many classes there are; null counts `class_names`.
        ignore_index: the mask value that is no class and counts nowhere.
        holdout: patterns of file names (without extension) that form the test part.
        crop_size: shape of the crops, one number or three; null: the smallest that every training volume fits in.
        crops_per_volume: crops of each volume in an epoch.
        foreground: share of crops that lie around a position of a class that is not the background.
        spacing: millimetres between positions to which all volumes are resampled, one number or three; null keeps each as it is.
        keep, cache_dir: as for a folder of images.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        images: str = "images",
        masks: str = "masks",
        image_suffix: str = "",
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
        **feeding: Unpack[Feeding],
    ) -> None:
        super().__init__(**feeding)
        self.root = Path(root).expanduser()
        self.images, self.masks, self.suffixes = images, masks, (image_suffix, mask_suffix)
        self.coding = mask_coding("index", class_names, num_classes, None, ignore_index)
        self.patterns = patterns_of(holdout)
        self.crop_size, self.spacing = per_axis("crop_size", crop_size, 3, int), per_axis("spacing", spacing, 3, float)
        self.crops_per_volume, self.foreground = crops_per_volume, foreground
        self.storage = Storage(keep, cache_dir)
        if crops_per_volume < 1 or not 0 <= foreground <= 1:
            raise UserError(
                "data.crops_per_volume must be at least 1 and data.foreground a share from 0 to 1, "
                f"but are {crops_per_volume} and {foreground}."
            )
        if self.feeding["permute"]:
            raise UserError("data.permute needs samples of one size, but volumes may differ; set data.permute=false.")

    @cached_property
    def pairs(self) -> dict[str, list[Pair]]:
        root = existing_folder(self.root, f"a folder with the folders {self.images} and {self.masks}")
        return find_pairs(root, self.images, self.masks, self.suffixes[1], self.suffixes[0], VOLUMES)

    def describe(self) -> Facts:
        crop = self.crop_size
        if crop is None:
            shapes = [image.shape for image, _ in self.opened(self.pairs["train"])]
            crop = tuple(int(size) for size in np.max(shapes, axis=0))
        names = self.coding.class_names
        return Facts((1, *crop), len(names), names, "segmentation", self.coding.ignore_index, any_size=True)

    def opened(self, pairs: Sequence[Pair]) -> list[tuple[Volume, Volume]]:
        """Return images and masks, of which only the headers are read.

        Raises:
            UserError: naming the files that are unfit, or lie elsewhere than their image.
        """
        volumes, unfit = [], []
        for pair in pairs:
            try:
                volumes.append(open_pair(pair, self.spacing))
            except UnfitFileError as error:
                unfit.append((relative_names([error.file or pair.image], self.root)[0], error))
        if unfit:
            raise UserError(unfit_message(unfit, len(pairs), self.root))
        return volumes

    def read(self) -> Parts:
        pairs = [pair for part in self.pairs.values() for pair in part]
        volumes = self.opened(pairs)
        shapes = [image.shape for image, _ in volumes]

        def decode(i: int) -> dict[str, Any]:
            image, mask = volumes[i]
            values = image.read()
            with blamed_on(pairs[i].mask):
                return {"x": values, "y": self.classes_of(mask)}

        total, spans = sum(int(np.prod(shape)) for shape in shapes), spans_of(shapes)
        job = Job(
            root=self.root,
            files=[file for pair in pairs for file in (pair.image, pair.mask)],
            names=relative_names([pair.image for pair in pairs], self.root),
            layouts={"x": Layout((total,), "float32"), "y": Layout((total,), self.coding.dtype.__name__)},
            settings=["nifti", self.spacing, repr(self.coding)],
            decode=decode,
            spans={"x": spans, "y": spans},
        )
        arrays = decoded(job, self.storage)
        samples = Samples(Ragged(arrays["x"], [(1, *shape) for shape in shapes]), Ragged(arrays["y"], shapes), list(job.names))
        part_of = parts_of({part: len(own) for part, own in self.pairs.items()})
        return with_holdout(samples, [stem(pair.image) or "" for pair in pairs], part_of, self.patterns, self.root)

    def classes_of(self, mask: Volume) -> Any:
        """Return the classes of a mask.

        Raises:
            UnfitFileError: it holds something else.
        """
        values = mask.read(is_mask=True)
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
        if not training:
            return Whole(samples)
        ignored = [] if self.facts.ignore_index is None else [self.facts.ignore_index]
        return Crops(samples, self.facts.spatial_shape, self.crops_per_volume, self.foreground, (0, *ignored), self.augmentation)


def open_pair(pair: Pair, spacing: Sequence[float] | None) -> tuple[Volume, Volume]:
    """Return an image and its mask, of which only the headers are read.

    Raises:
        UnfitFileError: one is no volume, or the mask is of another shape or place.
    """
    image = open_volume(pair.image, spacing)
    with blamed_on(pair.mask):
        mask = open_volume(pair.mask, spacing)
        if mask.image.shape[:3] != image.image.shape[:3]:
            detail = f"mask {mask.image.shape[:3]}, image {image.image.shape[:3]}"
            raise UnfitFileError("A mask must be of its image's shape", detail, "draw the mask on the image at its size")
        gap = np.abs(mask.corners - image.corners).max() / min(mask.image.header.get_zooms()[:3])
        if gap > LARGEST_AFFINE_GAP:
            raise UnfitFileError(
                "A mask must lie where its image lies (the affine of both headers)",
                f"{gap:.1f} positions apart",
                "resample the mask onto the image, or copy the image's affine if only the header is wrong",
            )
    return image, mask


def volume_files(folder: Path) -> list[Path]:
    """Return all NIfTI files below a folder in order of their paths."""
    return list(files_below(folder, lambda file: stem(file) is not None))


VOLUMES = Kind(volume_files, lambda file: stem(file) or file.name, "data.image_suffix or data.mask_suffix")


def spans_of(shapes: Sequence[tuple[int, ...]]) -> list[slice]:
    """Return where arrays of these shapes lie one behind the other."""
    return [slice(int(start), int(start) + int(np.prod(shape))) for start, shape in zip(offsets(shapes), shapes, strict=True)]
