"""Mapping from the network's grid to the file's: inverse of stretching, cropping or padding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Size = tuple[int, int]
Corner = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Corresponding parts of a file and the network's grid; sizes are (height, width), corners
    (top, left).

    Args:
        file_size: of the file.
        seen_at, seen_size: corner and size of the part of the file in the network's input.
        grid_at, grid_size: corner and size of this part on the network's grid.
    """

    file_size: Size
    seen_at: Corner
    seen_size: Size
    grid_at: Corner
    grid_size: Size

    def labels(self, probs: NDArray[np.float32], outside: int) -> NDArray[np.uint8 | np.uint16]:
        """Return the most probable class of every pixel of the file, from interpolated
        probabilities.

        Args:
            probs: (K, height, width) on the network's grid.
            outside: the value of pixels outside of the network's input.

        Shape:
            (K, height, width) to `file_size`
        """
        from PIL import Image

        (top, left), (height, width) = self.grid_at, self.grid_size
        size = (self.seen_size[1], self.seen_size[0])
        best = np.full(self.seen_size, -np.inf, np.float32)
        found = np.zeros(self.seen_size, np.uint8 if max(len(probs), outside) < 256 else np.uint16)
        # one class at a time, since all of them at the file's size may be large
        for index, plane in enumerate(probs):
            inside = np.ascontiguousarray(
                plane[top : top + height, left : left + width], dtype=np.float32
            )
            grown = np.asarray(Image.fromarray(inside).resize(size, Image.Resampling.BILINEAR))
            found[grown > best] = index
            np.maximum(best, grown, out=best)
        whole = np.full(self.file_size, outside, found.dtype)
        (top, left), (height, width) = self.seen_at, self.seen_size
        whole[top : top + height, left : left + width] = found
        return whole


def geometry_of(resize: str, file_size: Size, grid: Size) -> Geometry:
    """Return the geometry of `data.files.images.fit` for an image of this size.

    Args:
        resize: "stretch", "crop" or "pad".
    """
    ratios = [file / inner for file, inner in zip(file_size, grid, strict=True)]
    if resize == "crop":
        seen = (round(grid[0] * min(ratios)), round(grid[1] * min(ratios)))
        return Geometry(file_size, middle(file_size, seen), seen, (0, 0), grid)
    if resize == "pad":
        inner = (
            max(1, round(file_size[0] / max(ratios))),
            max(1, round(file_size[1] / max(ratios))),
        )
        return Geometry(file_size, (0, 0), file_size, middle(grid, inner), inner)
    return Geometry(file_size, (0, 0), file_size, (0, 0), grid)


def middle(outer: Size, inner: Size) -> Corner:
    """Return the corner of a centred part."""
    return (outer[0] - inner[0]) // 2, (outer[1] - inner[1]) // 2
