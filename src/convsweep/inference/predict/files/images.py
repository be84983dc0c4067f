"""Image files: read as the training data, results written as masks of class indices with
overlays.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.files.images import (
    COLORS,
    EXTENSIONS,
    WHITE,
    ImageDecoding,
    UnfitFileError,
    color_of,
    fit,
    in_color,
    open_image,
)
from convsweep.errors import UserError
from convsweep.inference.predict.formats import Format, Reading, Result, Sample, place
from convsweep.inference.predict.geometry import Geometry, geometry_of
from convsweep.pictures.drawing import paint_classes

if TYPE_CHECKING:
    from PIL.Image import Image

    from convsweep.training.trained import Trained

# Mask value of pixels outside of the network's input, unless the data has an ignore index.
NO_CLASS = 255


class ImageFiles(Format):
    """Images for networks of two spatial axes and one or three channels.

    Raises:
        UserError: the network is for something else.
    """

    suffixes = tuple(EXTENSIONS)

    def __init__(self, trained: "Trained", reading: Reading) -> None:
        super().__init__(trained, reading)
        channels, *self.size = self.info.in_shape
        if len(self.size) != 2 or channels not in COLORS:
            axes = "x".join(str(size) for size in self.info.in_shape)
            raise UserError(
                "image files suit a network of 1 or 3 channels and two axes, but this one takes"
                f" {axes}; use .npy files"
            )
        self.color = COLORS[channels]
        self.white = int(self.data.get("white", WHITE))
        if reading.fit == "tiles" and not self.info.kind.is_dense:
            raise UserError(
                "--fit tiles is for what answers at every position, but this is a classifier; say"
                " stretch, crop or pad"
            )
        self.rule = self.rule_of_training() if reading.fit == "auto" else reading.fit

    def rule_of_training(self) -> str | None:
        """Return the training data's option for resizing files; None if all had one size.

        A segmentation network that was trained on images at their original scale uses windows for
        larger ones. Without an option in the training data, a classifier stretches images.
        """
        if "resize" in self.data and self.data["image_size"] is not None:
            return str(self.data["resize"])
        if self.info.kind.is_dense:
            return "tiles"
        return None if "resize" in self.data else "stretch"

    def read(self, file: Path) -> Iterator[Sample]:
        image = open_image(file)
        colored = self.to_color_mode(image)
        height, width = self.size
        same = (image.height, image.width) == (height, width)
        if same or self.rule == "tiles":
            yield Sample(file.name, channels_first(colored), origin=image)
            return
        if self.rule is None:
            rule = f"Images must be {height}x{width} as those that the network was trained on"
            raise UnfitFileError(
                rule, f"{image.height}x{image.width}", "say --fit stretch, crop or pad"
            )
        decoding = ImageDecoding((height, width), self.rule)  # type: ignore[arg-type]
        x = channels_first(fit(colored, decoding, (height, width), nearest=False, fill=0))
        geometry = geometry_of(self.rule, (image.height, image.width), (height, width))
        yield Sample(file.name, x, origin=image, back=self.back(geometry))

    def back(self, geometry: Geometry) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
        ignored = self.info.ignore_index
        outside = ignored if ignored is not None and 0 <= ignored < NO_CLASS else NO_CLASS
        return lambda probs: geometry.labels(probs, outside)

    def to_color_mode(self, image: "Image") -> "Image":
        """Return the image in the network's colour mode.

        Raises:
            UnfitFileError: it has another colour mode, and conversion is off.
        """
        if color_of(image) != self.color and not (
            self.reading.convert_color or self.data.get("color") in COLORS.values()
        ):
            raise UnfitFileError(
                f"Images must be {self.color} as those that the network was trained on",
                color_of(image),
                "say --convert-color to turn them so",
            )
        return in_color(image, self.color, self.white)

    def write(self, sample: Sample, result: Result, out: Path, name: str) -> Path:
        from PIL import Image

        path = place(out, "masks", f"{name}.png")
        Image.fromarray(result.astype(np.uint8 if result.max(initial=0) < 256 else np.uint16)).save(
            path
        )
        if self.reading.overlays:
            plane = np.asarray(in_color(sample.origin, "rgb", self.white))
            colored = paint_classes(plane, np.where(result < self.info.num_classes, result, 0))
            Image.fromarray(colored).save(place(out, "overlays", f"{name}.png"))
        return path


def channels_first(image: "Image") -> NDArray[np.uint8]:
    """Return the pixels of a grey or RGB image, (C, H, W)."""
    array = np.array(image, dtype=np.uint8)
    return array[None] if array.ndim == 2 else np.ascontiguousarray(array.transpose(2, 0, 1))
