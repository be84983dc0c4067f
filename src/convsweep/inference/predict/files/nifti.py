"""NIfTI files: read as the training data, with label maps written in the geometry of the image."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convsweep.data.files.images import UnfitFileError
from convsweep.data.files.nifti import ENDINGS
from convsweep.data.files.scans import name_of, open_scan, suffixes_of
from convsweep.data.options import per_axis
from convsweep.errors import UserError
from convsweep.inference.predict.formats import Format, Reading, Result, Sample, place
from convsweep.pictures.drawing import paint_classes
from convsweep.pictures.prediction import middle_slices, to_bytes

if TYPE_CHECKING:
    from convsweep.training.trained import Trained


class NiftiFiles(Format):
    """Volumes for classifiers and segmenters of three spatial axes.

    Channels are the file's fourth axis, or separate files as in the training data. Volumes are
    reoriented, and resampled if the training data was; label maps are written in the file's own
    geometry.

    Raises:
        UserError: the network is for something else.
    """

    suffixes = tuple(ENDINGS)

    def __init__(self, trained: "Trained", reading: Reading) -> None:
        super().__init__(trained, reading)
        if len(self.info.in_shape) != 4 or not self.info.kind.has_classes:
            axes = "x".join(str(size) for size in self.info.in_shape)
            raise UserError(
                "NIfTI files suit a classification or segmentation of three axes, "
                f"but this network is for {self.info.task} of {axes}; use .npy files"
            )
        self.spacing = per_axis("spacing", self.data.get("spacing"), 3, float)
        self.image_suffixes = suffixes_of(self.data.get("image_suffix", ""))

    def read(self, file: Path) -> Iterator[Sample]:
        if len(self.image_suffixes) > 1 and not name_of(file).endswith(self.image_suffixes[0]):
            if name_of(file).endswith(tuple(self.image_suffixes[1:])):
                return  # skipped: read together with the file of the first channel
            raise UnfitFileError(
                f"Names must end with one of {', '.join(self.image_suffixes)}",
                file.name,
                "rename it as in training",
            )
        scan = open_scan(file, self.image_suffixes, self.spacing)
        if scan.channels != self.info.in_channels:
            rule = (
                f"A volume must have {self.info.in_channels} channels, as those that the network"
                " was trained on"
            )
            raise UnfitFileError(rule, f"{scan.channels}", "save them as the file's fourth axis")
        x = scan.read()
        if not self.info.kind.is_dense and x.shape != self.info.in_shape:
            rule = f"A volume to classify must have the shape {self.info.spatial_shape}"
            raise UnfitFileError(rule, f"shape {x.shape[1:]}", "crop or resample it")
        if not np.isfinite(x).all():
            raise UnfitFileError("Volumes must be finite", "NaN or infinity", "repair or remove it")
        yield Sample(file.name, x, origin=scan.volumes[0])

    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        path = place(out, "masks", f"{name}.nii.gz")
        sample.origin.write_labels(result, path)
        if self.reading.overlays:
            from PIL import Image

            plane = np.repeat(middle_slices(to_bytes(sample.x[0]), fill=0)[..., None], 3, axis=2)
            Image.fromarray(paint_classes(plane, middle_slices(result, fill=0))).save(
                place(out, "overlays", f"{name}.png")
            )
        return path
