"""NIfTI files drawn from a seed: bright balls on dark noise, and masks of them."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHAPES = [(12, 15, 10), (10, 12, 11), (14, 10, 9), (8, 13, 12), (11, 11, 11)]


def save(path: Path, values: NDArray[Any], affine: NDArray[Any] | None = None) -> Path:
    """Write one NIfTI file, packed if it is called so."""
    import nibabel

    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine).to_filename(path)
    return path


def ball(shape: tuple[int, ...], seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return noise around 0 with a ball around 100, and its mask, whose upper half is another
    class.
    """
    rng = np.random.default_rng(seed)
    centre = [rng.uniform(3.5, size - 4.5) for size in shape]
    grid = np.indices(shape)
    inside = sum((axis - middle) ** 2 for axis, middle in zip(grid, centre, strict=True)) <= 3**2
    mask = (inside * (1 + (grid[2] > centre[2]))).astype(np.uint8)
    return (rng.normal(0, 5, shape) + 100 * inside).astype(np.float32), mask


def draw_folder(root: Path, count: int = 10, ending: str = ".nii.gz") -> Path:
    """Write `count` volumes of different shapes into images/ and masks/."""
    for i in range(count):
        image, mask = ball(SHAPES[i % len(SHAPES)], i)
        save(root / "images" / f"case_{i}{ending}", image)
        save(root / "masks" / f"case_{i}{ending}", mask)
    return root
