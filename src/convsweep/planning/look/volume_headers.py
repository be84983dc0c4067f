"""Headers of the volumes of a data set: shapes and spacings."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.sources.nifti_folder import NiftiFolder


@dataclass(frozen=True)
class VolumeHeaders:
    """Headers of all volumes.

    Shape:
        shapes: (N, 3) positions of the volumes as they are read, after resampling.
        spacings: (N, 3) in mm as they are stored, along the same axes.
    """

    shapes: NDArray[np.int64]
    spacings: NDArray[np.float64]


def volume_headers(data: DataModule) -> VolumeHeaders | None:
    """Return the headers of volumes, None for other data.

    Raises:
        UserError: naming the files that cannot be used.
    """
    if not isinstance(data, NiftiFolder):
        return None
    pairs = [pair for part in data.pairs.values() for pair in part]
    images = [image for image, _ in data.open_pairs(pairs)]
    zooms = [
        image.volumes[0].canonical(image.volumes[0].image.header.get_zooms()) for image in images
    ]
    return VolumeHeaders(
        np.array([image.shape for image in images], np.int64), np.array(zooms, np.float64)
    )
