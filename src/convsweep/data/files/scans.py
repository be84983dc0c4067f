"""A scan: one NIfTI file, or a file for each channel, named as in nnU-Net (_0000, _0001, ...)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.files.folders import files_below
from convsweep.data.files.images import UnfitFileError
from convsweep.data.files.nifti import ENDINGS, Volume, open_volume, stem
from convsweep.data.files.pairs import blamed_on
from convsweep.errors import UserError

# Largest distance between corresponding corners of two volumes of one scan, in voxels of the
# second.
LARGEST_AFFINE_GAP = 0.5


@dataclass(frozen=True)
class Scan:
    """Volumes of one shape and place, joined along the channels; only headers have been read."""

    volumes: tuple[Volume, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of the array."""
        return self.volumes[0].shape

    @property
    def channels(self) -> int:
        return sum(volume.channels for volume in self.volumes)

    def read(self) -> NDArray[np.float32]:
        """Return the values (C, *shape).

        Raises:
            UnfitFileError: a file is cut off.
        """
        parts = []
        for volume in self.volumes:
            with blamed_on(Path(volume.image.get_filename())):
                parts.append(volume.read())
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def open_scan(path: Path, suffixes: Sequence[str], spacing: Sequence[float] | None = None) -> Scan:
    """Open the scan that a file belongs to.

    Args:
        path: the only file, or the file of the first channel.
        suffixes: name endings of the channels' files; at most one if the scan is a single file.

    Raises:
        UnfitFileError: a file is missing, is no volume, or is of another shape or place than the
            first.
    """
    first = open_volume(path, spacing)
    others = []
    for file in files_of(path, suffixes)[1:]:
        with blamed_on(file):
            other = open_volume(file, spacing)
            check_same_place(first, other, "The files of a scan's channels")
        others.append(other)
    return Scan((first, *others))


def files_of(path: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the files of a scan's channels, the given one first.

    Raises:
        UnfitFileError: one is missing.
    """
    name = name_of(path)
    found = [path]
    for suffix in suffixes[1:]:
        wanted = [
            path.with_name(name.removesuffix(suffixes[0]) + suffix + ending) for ending in ENDINGS
        ]
        existing = [file for file in wanted if file.is_file()]
        if not existing:
            rule = f"Every scan must have a file for each of {', '.join(suffixes)}"
            raise UnfitFileError(rule, f"no {wanted[-1].name}", "add it, or set data.image_suffix")
        found.append(existing[0])
    return found


def suffixes_of(image_suffix: str | Sequence[str]) -> list[str]:
    """Return `image_suffix` as a list, with one entry if each image is a single file.

    Raises:
        UserError: the list is empty or has duplicates.
    """
    suffixes = (
        [image_suffix]
        if isinstance(image_suffix, str)
        else [str(suffix) for suffix in image_suffix]
    )
    if not suffixes or len(set(suffixes)) < len(suffixes) or (len(suffixes) > 1 and "" in suffixes):
        raise UserError(
            f"data.image_suffix must be a suffix, or a list of different ones, but is {suffixes};"
            " say '[_0000,_0001]'"
        )
    return suffixes


def image_files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Return the NIfTI files below a folder; of scans of several files only the file of the first
    channel.

    Raises:
        UserError: a file has none of several suffixes.
    """
    files = volume_files(folder)
    strange = [file.name for file in files if not name_of(file).endswith(tuple(suffixes))]
    if len(suffixes) == 1:
        return files
    if strange:
        raise UserError(
            f"Names of images must end with one of {', '.join(suffixes)}, but {len(strange)} of"
            f" {len(files)} in {folder} do not: {examples(strange)}; rename or remove them, or set"
            " data.image_suffix."
        )
    return [file for file in files if name_of(file).endswith(suffixes[0])]


def volume_files(folder: Path) -> list[Path]:
    """Return all NIfTI files below a folder in order of their paths."""
    return list(files_below(folder, lambda file: stem(file) is not None))


def name_of(file: Path) -> str:
    """Return the name of a NIfTI file without its ending."""
    return stem(file) or file.name


def check_same_place(first: Volume, other: Volume, what: str) -> None:
    """Check that two volumes have the same shape and lie at the same place.

    Args:
        what: names the two in the message.

    Raises:
        UnfitFileError: shape or place differ.
    """
    if other.image.shape[:3] != first.image.shape[:3]:
        detail = f"{other.image.shape[:3]}, image {first.image.shape[:3]}"
        raise UnfitFileError(
            f"{what} must be of one shape", detail, "draw or resample it on the image at its size"
        )
    gap = np.abs(other.corners - first.corners).max() / min(other.image.header.get_zooms()[:3])
    if gap > LARGEST_AFFINE_GAP:
        raise UnfitFileError(
            f"{what} must lie at one place (the affine of both headers)",
            f"{gap:.1f} positions apart",
            "resample it onto the image, or copy the image's affine if only the header is wrong",
        )
