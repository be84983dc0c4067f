"""Progressive resizing: training begins with small samples, which grow to their full size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError


@dataclass(frozen=True)
class Growth:
    """How the spatial shape of training samples grows over the epochs, in equal steps (Howard 2018;
    Tan & Le 2021, EfficientNetV2).

    Args:
        full: spatial shape of a sample.
        initial_scale: size in the first epoch, as a share of the full size.
        full_size_from: share of the epochs after which samples have their full size; the last epoch
            in any case.
        size_multiple: sizes below full size are multiples of it.

    Raises:
        UserError: a number outside its range.
    """

    full: tuple[int, ...]
    initial_scale: float
    full_size_from: float = 0.75
    size_multiple: int = 4

    def __post_init__(self) -> None:
        if not isinstance(self.initial_scale, int | float) or not 0 < self.initial_scale <= 1:
            raise UserError(
                "data.initial_scale must be a share of the size, above 0 and at most 1, but is"
                f" {self.initial_scale!r}"
            )
        if not isinstance(self.full_size_from, int | float) or not 0 <= self.full_size_from <= 1:
            raise UserError(
                "data.full_size_from must be a share of the epochs, 0 to 1, but is"
                f" {self.full_size_from!r}"
            )
        if not isinstance(self.size_multiple, int) or self.size_multiple < 1:
            raise UserError(
                f"data.size_multiple must be a whole number >= 1, but is {self.size_multiple!r}"
            )

    def size(self, epoch: int, max_epochs: int) -> tuple[int, ...]:
        """Return the spatial shape in an epoch of a training.

        Raises:
            UserError: the training has no fixed number of epochs.
        """
        if max_epochs < 1:
            raise UserError(
                "samples that grow (data.initial_scale) need to know when they shall be of full"
                f" size, but trainer.max_epochs={max_epochs} sets no end; set max_epochs"
            )
        grown = min(round(self.full_size_from * max_epochs), max_epochs - 1)
        if epoch >= grown:
            return self.full
        scale = self.initial_scale + (1 - self.initial_scale) * epoch / grown
        return tuple(self.allowed_size(scale * size, size) for size in self.full)

    def allowed_size(self, size: float, full: int) -> int:
        """Return the nearest allowed size."""
        multiple = self.size_multiple
        return min(full, max(multiple, round(size / multiple) * multiple))

    def smaller_sizes(self, max_epochs: int) -> list[tuple[int, ...]]:
        """Return the spatial shapes before the full one, each once, the smallest first."""
        sizes = [self.size(epoch, max_epochs) for epoch in range(max(1, max_epochs))]
        return [size for size in dict.fromkeys(sizes) if size != self.full]


def growth_of(options: Mapping[str, Any], full: Sequence[int]) -> Growth | None:
    """Return how samples of this spatial shape grow under the data options; None if they do not."""
    scale = options.get("initial_scale", 1.0)
    if scale == 1:
        return None
    return Growth(
        tuple(full),
        scale,
        options.get("full_size_from", Growth.full_size_from),
        options.get("size_multiple", Growth.size_multiple),
    )


@dataclass(frozen=True)
class Resize:
    """Resizes a batch by averaging, and masks to the nearest value.

    Args:
        has_masks: whether targets are masks; others are left as they are.
    """

    has_masks: bool

    def __call__(self, x: Tensor, y: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        """Return a batch of another spatial shape.

        Shape:
            x: (B, C, *spatial) of any dtype -> (B, C, *size) float
            y: (B, *spatial) -> (B, *size) if `has_masks`
        """
        if tuple(x.shape[2:]) == size:
            return x, y
        smaller = F.interpolate(x if x.is_floating_point() else x.float(), size, mode="area")
        return smaller, nearest(y, size) if self.has_masks else y


def nearest(masks: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return masks (B, *spatial) of another spatial shape, (B, *size)."""
    for axis, (length, wanted) in enumerate(zip(masks.shape[1:], size, strict=True), start=1):
        middles = (torch.arange(wanted, device=masks.device) + 0.5) * (length / wanted)
        masks = masks.index_select(axis, middles.long())
    return masks
