"""NIfTI files as arrays in canonical orientation and a given spacing, and label maps written back
to NIfTI.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.files.images import UnfitFileError, UnreadableFileError
from convsweep.errors import MissingExtraError

ENDINGS = (".nii", ".nii.gz")


def import_nibabel() -> Any:
    """Return the package nibabel.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import nibabel
    except ImportError:
        raise MissingExtraError("nibabel", "volumes", "reading NIfTI files") from None
    return nibabel


def stem(path: Path) -> str | None:
    """Return the name of a NIfTI file without its ending, None for other files."""
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)
    return None if ending is None else path.name[: -len(ending)]


@dataclass(frozen=True)
class Volume:
    """A NIfTI file whose header has been read.

    Args:
        image: nibabel's image.
        spacing: millimetres between voxels along each axis of the array; None keeps the file's.
    """

    image: Any
    spacing: tuple[float, ...] | None = None

    @cached_property
    def orientation(self) -> NDArray[np.float64]:
        """Transform from the file's axes to right, anterior, superior, (3, 2) as in nibabel's
        `io_orientation`.
        """
        orientation: NDArray[np.float64] = import_nibabel().io_orientation(self.image.affine)
        return orientation

    @property
    def channels(self) -> int:
        """Number of channels: size of the file's fourth axis (fifth for NIfTI vectors), else 1."""
        return int(np.prod(self.image.shape[3:]))

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The array's shape along its spatial axes."""
        sizes, zooms = (
            self.canonical(self.image.shape),
            self.canonical(self.image.header.get_zooms()),
        )
        if self.spacing is None:
            return tuple(int(size) for size in sizes)
        return tuple(
            max(1, round(size * zoom / new))
            for size, zoom, new in zip(sizes, zooms, self.spacing, strict=True)
        )

    def canonical(self, values: Sequence[Any]) -> list[Any]:
        """Return values of the file's first three axes in the order of the array's axes."""
        ordered = [None] * 3
        for value, axis in zip(values, self.orientation[:, 0].astype(int), strict=False):
            ordered[axis] = value
        return ordered

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """World coordinates of the volume's eight corners in millimetres, (8, 3)."""
        ends = np.stack(
            np.meshgrid(*([0, size - 1] for size in self.image.shape[:3]), indexing="ij"), axis=-1
        ).reshape(-1, 3)
        corners: NDArray[np.float64] = ends @ self.image.affine[:3, :3].T + self.image.affine[:3, 3]
        return corners

    def read(self, is_mask: bool = False) -> NDArray[np.float32]:
        """Return the values (C, D, H, W) at the array's shape; images are interpolated linearly,
        masks to the nearest value.

        Raises:
            UnreadableFileError: the file is cut off.
        """
        try:
            stored = self.image.get_fdata(dtype=np.float32, caching="unchanged")
        except (OSError, EOFError, ValueError, zlib.error) as error:
            raise UnreadableFileError(
                "Every volume must be a whole file", reason(error), "replace or remove it"
            ) from error
        array = import_nibabel().apply_orientation(
            stored.reshape(*stored.shape[:3], self.channels), self.orientation
        )
        channels_first = np.ascontiguousarray(np.moveaxis(array, -1, 0))
        return resize(channels_first, self.shape, "nearest-exact" if is_mask else "trilinear")

    def write_labels(self, labels: NDArray[Any], path: Path) -> None:
        """Write labels of the array's shape as a NIfTI file with the shape, affine and orientation
        of this one.
        """
        nibabel = import_nibabel()
        sizes = tuple(int(size) for size in self.canonical(self.image.shape))
        whole = (
            resize(labels[None].astype(np.float32), sizes, "nearest-exact")[0]
            .round()
            .astype(np.int16)
        )
        back = nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), self.orientation
        )
        header = self.image.header.copy()
        header.set_data_dtype(
            np.int16 if whole.max(initial=0) > 255 or whole.min(initial=0) < 0 else np.uint8
        )
        header.set_slope_inter(1, 0)
        header.set_intent("none")
        type(self.image)(
            nibabel.apply_orientation(whole, back), self.image.affine, header
        ).to_filename(path)


def open_volume(path: Path, spacing: Sequence[float] | None = None) -> Volume:
    """Open a NIfTI file and read its header.

    Raises:
        UnreadableFileError: it is no NIfTI file.
        UnfitFileError: it is no volume of numbers.
        MissingExtraError: nibabel is not installed.
    """
    nibabel = import_nibabel()
    try:
        image = nibabel.load(path)
        dtype = image.get_data_dtype()
    except (
        OSError,
        EOFError,
        ValueError,
        zlib.error,
        nibabel.filebasedimages.ImageFileError,
    ) as error:
        raise UnreadableFileError(
            "Every volume must be a NIfTI file", reason(error), "replace or remove it"
        ) from error
    if len(image.shape) < 3 or sum(size != 1 for size in image.shape[3:]) > 1:
        detail = "x".join(map(str, image.shape))
        remedy = "save the points in time as a file each, and a slice as an image"
        raise UnfitFileError(
            "Every volume must have three axes, and may have a fourth of channels", detail, remedy
        )
    if dtype.kind not in "biuf" or 0 in image.shape:
        raise UnfitFileError(
            "Every volume must hold numbers",
            f"{dtype}, {image.shape}",
            "convert it to one number a position",
        )
    return Volume(image, None if spacing is None else tuple(spacing))


def reason(error: BaseException) -> str:
    """Return the first line of an error's message."""
    return (str(error).splitlines() or [type(error).__name__])[0][:100]


def resize(array: NDArray[Any], shape: tuple[int, ...], mode: str) -> NDArray[np.float32]:
    """Return an array (C, D, H, W) resampled to a shape, by torch's interpolation."""
    if array.shape[1:] == shape:
        return array.astype(np.float32, copy=False)
    import torch

    values = torch.from_numpy(array.astype(np.float32))[None]
    result: NDArray[np.float32] = torch.nn.functional.interpolate(values, shape, mode=mode)[
        0
    ].numpy()
    return result
