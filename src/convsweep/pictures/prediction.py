"""A sample with its true and predicted class or mask, and 2-D views of it."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


@dataclass(frozen=True)
class Prediction:
    """A sample with its target and prediction.

    Shape:
        x: (C, *spatial), cropped to the prediction if that is smaller.
        truth, predicted: () for classification, (*spatial) for segmentation.
    """

    x: NDArray[Any]
    truth: NDArray[Any]
    predicted: NDArray[Any]
    confidence: float
    num_classes: int
    name: str

    @classmethod
    def of(cls, x: NDArray[Any], truth: NDArray[Any], probs: NDArray[Any], name: str) -> Self:
        """Return the prediction of a sample from `probs` (num_classes, *)."""
        truth, predicted = np.asarray(truth), probs.argmax(0)
        if predicted.ndim:
            x = np.stack([crop_to(channel, predicted.shape) for channel in x])
            truth = crop_to(truth, predicted.shape)
        return cls(x, truth, predicted, float(probs.max(0).mean()), len(probs), name)

    @property
    def dim(self) -> int:
        """The number of spatial axes of the sample."""
        return self.x.ndim - 1

    @property
    def is_mask(self) -> bool:
        return self.predicted.ndim > 0

    def plane(self) -> Plane:
        """Return a picture (H, W, 3) of a sample of two or three axes."""
        return plane_of(self.x)

    def masks(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the true and the predicted mask (H, W) that match `plane`."""
        if self.dim == 3:
            return middle_slices(self.truth, fill=0), middle_slices(self.predicted, fill=0)
        return self.truth, self.predicted


def plane_of(x: NDArray[Any]) -> Plane:
    """Return a picture (H, W, 3) of (C, H, W), or the middle slices of (C, D, H, W) side by
    side.
    """
    channels = (
        np.stack([middle_slices(channel, fill=channel.min()) for channel in x])
        if x.ndim == 4
        else np.asarray(x)
    )
    picked = channels[:3] if len(channels) >= 3 else np.repeat(channels[:1], 3, axis=0)
    return np.moveaxis(to_bytes(picked), 0, -1)


def crop_to(array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the central part of an array with the given shape."""
    starts = [(size - wanted) // 2 for size, wanted in zip(array.shape, shape, strict=True)]
    return array[
        tuple(slice(start, start + wanted) for start, wanted in zip(starts, shape, strict=True))
    ]


def middle_slices(volume: NDArray[Any], fill: float) -> NDArray[Any]:
    """Return the middle slices of a volume (D, H, W) along its three axes side by side, padded to
    one height.

    Shape:
        (max(H, D), W + W + H)
    """
    slices = [volume.take(size // 2, axis) for axis, size in enumerate(volume.shape)]
    height = max(len(each) for each in slices)
    return np.hstack(
        [np.pad(each, ((0, height - len(each)), (0, 0)), constant_values=fill) for each in slices]
    )


def to_bytes(values: NDArray[Any]) -> Plane:
    """Return uint8 values unchanged, others scaled from their minimum and maximum to 0 and 255."""
    if values.dtype == np.uint8:
        return values
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    scaled = (np.nan_to_num(values.astype(np.float64), nan=low) - low) / ((high - low) or 1.0)
    return (scaled * 255).round().astype(np.uint8)
