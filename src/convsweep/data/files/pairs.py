"""Pairs of images and masks: matched by name, decoded together."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convsweep.data.checks import examples, tell_depth
from convsweep.data.files.cache import Layout
from convsweep.data.files.decoding import DecodingJob, Storage, decode_files
from convsweep.data.files.folders import (
    PART_NAMES,
    image_files,
    part_folders,
    relative_names,
    subfolders,
)
from convsweep.data.files.images import (
    ImageDecoding,
    Size,
    UnfitFileError,
    decode_image,
    open_image,
)
from convsweep.data.files.masks import MaskCoding, decode_mask
from convsweep.data.files.unreadable import Unreadable
from convsweep.data.loading.array_types import Ragged, spans_of
from convsweep.data.samples import Samples
from convsweep.errors import UserError, did_you_mean

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Pair:
    """An image file and the file of its mask."""

    image: Path
    mask: Path


@dataclass(frozen=True)
class FileKind:
    """A kind of files.

    Args:
        listing: returns the files below a folder.
        stem: returns a file's name without its ending.
        remedy: the options for names that differ.
    """

    listing: Callable[[Path], list[Path]]
    stem: Callable[[Path], str]
    remedy: str


IMAGES = FileKind(image_files, lambda file: file.stem, "data.mask_suffix")


def find_pairs(
    root: Path,
    images: str,
    masks: str,
    mask_suffix: str,
    image_suffix: str = "",
    kind: FileKind = IMAGES,
    mask_kind: FileKind | None = None,
) -> dict[str, list[Pair]]:
    """Return the pairs of each part, in order of their names.

    Args:
        kind: of the images.
        mask_kind: of the masks; None: `kind`.

    Raises:
        UserError: if a folder is missing or empty, or an image or a mask has no counterpart.
    """
    suffixes = image_suffix, mask_suffix
    parts = part_pairs(root, images, masks)
    found = {
        part: pair_up(root, *folders, suffixes, (kind, mask_kind or kind))
        for part, folders in parts.items()
    }
    if not found["train"]:
        raise UserError(
            f"There must be images to train on, but {root / images} holds none; put image files"
            " there."
        )
    return found


def part_pairs(root: Path, images: str, masks: str) -> dict[str, tuple[Path, Path]]:
    """Return the folders of images and of masks of each part, in either order of nesting."""
    if any((root / name).is_dir() for name in (images, masks)):
        folders = child_of(root, images), child_of(root, masks)
        inner = part_folders(folders[0])
        if inner is None:
            return {"train": folders}
        return {part: (folder, child_of(folders[1], folder.name)) for part, folder in inner.items()}
    outer = (
        part_folders(root)
        if any(f.name.lower() in PART_NAMES["train"] for f in subfolders(root))
        else None
    )
    if outer is None:
        return {"train": (child_of(root, images), child_of(root, masks))}
    return {
        part: (child_of(folder, images), child_of(folder, masks)) for part, folder in outer.items()
    }


def child_of(folder: Path, name: str) -> Path:
    """Return a folder inside another.

    Raises:
        UserError: if it is not there.
    """
    child = folder / name
    if not child.is_dir():
        near = [path.name for path in subfolders(folder)]
        hint = did_you_mean(name, near) if near else "there is no folder at all"
        raise UserError(
            f"{folder} must hold the folder {name}, but does not; set data.images and data.masks to"
            f" your names; {hint}"
        )
    return child


def pair_up(
    root: Path,
    images: Path,
    masks: Path,
    suffixes: tuple[str, str],
    kinds: tuple[FileKind, FileKind],
) -> list[Pair]:
    """Return the images of one folder, each with the mask of the same name.

    Raises:
        UserError: if an image or a mask has no counterpart, or two share a name.
    """
    by_name = stems(images, suffixes[0], kinds[0]), stems(masks, suffixes[1], kinds[1])
    for missing, what, other, folder in (
        (sorted(by_name[0].keys() - by_name[1].keys()), "image", "mask", masks),
        (sorted(by_name[1].keys() - by_name[0].keys()), "mask", "image", images),
    ):
        if missing:
            mine = by_name[0] if what == "image" else by_name[1]
            names = relative_names([mine[name] for name in missing], root)
            raise UserError(
                f"Every {what} needs its {other} of the same name, but {len(missing)} of"
                f" {len(mine)} {what}s in {root} have none: {examples(names)}; add the {other}s to"
                f" {folder.relative_to(root)}, remove the {what}s, or set {kinds[0].remedy}."
            )
    return [Pair(by_name[0][name], by_name[1][name]) for name in sorted(by_name[0])]


def stems(folder: Path, suffix: str, kind: FileKind) -> dict[str, Path]:
    """Return the files below a folder by their path without extension and suffix.

    Raises:
        UserError: two files differ only by their extensions.
    """
    found: dict[str, Path] = {}
    for file in kind.listing(folder):
        name = file.relative_to(folder).with_name(kind.stem(file)).as_posix()
        if suffix and name.endswith(suffix):
            name = name[: -len(suffix)]
        if name in found:
            raise UserError(
                f"File names must differ by more than the extension, but {folder} holds"
                f" {found[name].name} and {file.name}."
            )
        found[name] = file
    return found


@contextmanager
def blamed_on(file: Path) -> Iterator[None]:
    """Attribute an `UnfitFileError` of the block to this file instead of the image that the sample
    is named after.
    """
    try:
        yield
    except UnfitFileError as error:
        error.file = file
        raise


def decode_pairs(
    pairs: list[Pair],
    root: Path,
    decoding: ImageDecoding,
    shape: tuple[int, int, int],
    coding: MaskCoding,
    storage: Storage,
    unreadable: Unreadable,
    sizes: Sequence[Size] | None = None,
) -> Samples:
    """Return all images and masks as arrays, named after the images.

    Args:
        shape: (C, H, W) of each image.
        sizes: (height, width) of each image if they differ; None: that of `shape`.

    Raises:
        UserError: naming the files that are unfit.
    """
    x_shapes = [shape] * len(pairs) if sizes is None else [(shape[0], *size) for size in sizes]
    y_shapes = [each[1:] for each in x_shapes]

    def decode(i: int) -> dict[str, Any]:
        image = open_image(pairs[i].image)
        with blamed_on(pairs[i].mask):
            mask = open_image(pairs[i].mask)
        if image.size != mask.size:
            raise UnfitFileError(
                "A mask must be of its image's size",
                f"mask {mask.height}x{mask.width}, image {image.height}x{image.width}",
                "draw the mask on the image at its size",
            )
        x = decode_image(image, decoding, x_shapes[i])
        with blamed_on(pairs[i].mask):
            return {"x": x, "y": decode_mask(mask, coding, decoding, y_shapes[i])}

    names = relative_names([pair.image for pair in pairs], root)
    job = DecodingJob(
        root=root,
        files=[file for pair in pairs for file in (pair.image, pair.mask)],
        names=names,
        layouts={
            "x": Layout((len(pairs), *shape), "uint8"),
            "y": Layout((len(pairs), *shape[1:]), coding.dtype.__name__),
        },
        settings=[repr(decoding), repr(coding), shape],
        decode=decode,
    )
    if sizes is not None:
        job = one_after_the_other(job, {"x": x_shapes, "y": y_shapes})
    arrays = decode_files(job, storage, unreadable)
    tell_depth(arrays["x"], [pair.image for pair in pairs], decoding.white, root)
    x, y = arrays["x"], arrays["y"]
    if sizes is not None:
        return Samples(Ragged(x, x_shapes), Ragged(y, y_shapes), names)
    return Samples(x, y, names)


def one_after_the_other(job: DecodingJob, shapes: Mapping[str, Sequence[Shape]]) -> DecodingJob:
    """Return a job for samples of different shapes, whose values are stored one after the other.

    Args:
        shapes: of all samples, in each array.
    """
    totals = {name: sum(map(math.prod, each)) for name, each in shapes.items()}
    return replace(
        job,
        layouts={name: Layout((totals[name],), job.layouts[name].dtype) for name in shapes},
        settings=[job.settings, "sizes differ"],
        spans={name: spans_of(each) for name, each in shapes.items()},
    )
