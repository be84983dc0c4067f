"""Augmentation of a whole batch at once on its own device: torchvision's transforms with separate
draws for every sample.

A torchvision v2 transform draws its parameters once per call, so it must be called for every
sample. The classes here draw parameters for a whole batch; given the same parameters the results
equal torchvision's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convsweep.data.augment.affine import inverse_affine, resample
from convsweep.data.augment.policies import rand_augment, trivial_augment
from convsweep.data.augment.step import BatchStep, Fill, Size, beside


@dataclass(frozen=True)
class Flip:
    """Mirrors a sample with probability `p` along an axis of the batch."""

    p: float
    axis: int

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        return torch.rand(count, generator=generator) < self.p

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        return torch.where(beside(drawn, x).view(-1, 1, 1, 1), x.flip(self.axis), x)


@dataclass(frozen=True)
class Crop:
    """Pads a sample and crops it to its original size; `padding` is (left, right, top, bottom),
    `mode` torchvision's `padding_mode`.
    """

    padding: tuple[int, int, int, int]
    mode: str = "constant"

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        left, right, top, bottom = self.padding
        rows = torch.randint(0, top + bottom + 1, (count,), generator=generator)
        return torch.stack(
            [rows, torch.randint(0, left + right + 1, (count,), generator=generator)], dim=1
        )

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        height, width = x.shape[2:]
        drawn = beside(drawn, x)
        rows = drawn[:, :1] + torch.arange(height, device=x.device)
        columns = drawn[:, 1:] + torch.arange(width, device=x.device)
        if self.mode == "constant":
            x = F.pad(x, self.padding, value=fill or 0)
        else:
            rows, columns = (
                inside(rows - self.padding[2], height, self.mode),
                inside(columns - self.padding[0], width, self.mode),
            )
        sample = torch.arange(len(x), device=x.device).view(-1, 1, 1)
        return (
            x[sample, :, rows.unsqueeze(2), columns.unsqueeze(1)].permute(0, 3, 1, 2).contiguous()
        )


def inside(places: Tensor, size: int, mode: str) -> Tensor:
    """Return indices along an axis of `size`; those outside follow the padding mode `mode`."""
    if mode == "edge":
        return places.clamp(0, size - 1)
    again = int(mode == "symmetric")  # 1 if the border value is repeated
    places = torch.where(places < 0, -places - again, places)
    return torch.where(places < size, places, 2 * size - 2 + again - places)


@dataclass(frozen=True)
class Warp:
    """Rotates, shifts, scales and shears about the centre; ranges in degrees, in shares of the size
    and as factors.
    """

    degrees: tuple[float, float]
    translate: tuple[float, float] = (0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    shear: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    bilinear: bool = False
    turns_back: bool = False

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        def uniform(low: float, high: float) -> Tensor:
            return low + (high - low) * torch.rand(count, generator=generator, dtype=torch.float64)

        (height, width), (dx, dy) = size, self.translate
        angle = uniform(*self.degrees)
        shifts = [
            uniform(-dx * width, dx * width).round(),
            uniform(-dy * height, dy * height).round(),
        ]
        shears = [uniform(*self.shear[:2]), uniform(*self.shear[2:])]
        return torch.stack(
            [-angle if self.turns_back else angle, *shifts, uniform(*self.scale), *shears], dim=1
        )

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        bilinear = self.bilinear and not nearest
        return resample(x, inverse_affine(beside(drawn, x)), fill, bilinear)


def batch_step(transform: Any, size: Size) -> BatchStep | None:
    """Return the batch version of a transform for samples of a spatial shape: the transform itself,
    or our version of a torchvision v2 transform for images; None if there is none.
    """
    if isinstance(transform, BatchStep):
        return transform
    is_torchvisions = type(transform).__module__.startswith("torchvision.transforms.v2.")
    make = MAKERS.get(type(transform).__name__) if is_torchvisions and len(size) == 2 else None
    return None if make is None else make(transform, size)


def crop(transform: Any, size: Size) -> BatchStep | None:
    """Return a `RandomCrop` to the size of the sample. None for padding by reflection beyond the
    size, so that torchvision refuses it.
    """
    left, right, top, bottom = transform.padding or (0, 0, 0, 0)
    too_wide = max(left, right) >= size[1] or max(top, bottom) >= size[0]
    if tuple(transform.size) != size or (too_wide and transform.padding_mode != "constant"):
        return None
    return Crop((left, right, top, bottom), transform.padding_mode)


def affine(transform: Any, size: Size) -> BatchStep | None:
    """Return a `RandomAffine` about the centre."""
    if transform.center is not None or interpolation(transform) not in ("nearest", "bilinear"):
        return None
    return Warp(
        tuple(transform.degrees),
        tuple(transform.translate or (0.0, 0.0)),
        tuple(transform.scale or (1.0, 1.0)),
        tuple([*(transform.shear or ()), 0.0, 0.0, 0.0, 0.0][:4]),
        bilinear=interpolation(transform) == "bilinear",
    )


def interpolation(transform: Any) -> str:
    """Return the interpolation mode of a transform."""
    return str(getattr(transform.interpolation, "value", transform.interpolation))


def rotation(transform: Any, size: Size) -> BatchStep | None:
    """Return a `RandomRotation` about the centre that keeps the size."""
    if (
        transform.expand
        or transform.center is not None
        or interpolation(transform) not in ("nearest", "bilinear")
    ):
        return None
    return Warp(
        tuple(transform.degrees), bilinear=interpolation(transform) == "bilinear", turns_back=True
    )


def trivial(transform: Any, size: Size) -> BatchStep | None:
    """Return a `TrivialAugmentWide`."""
    if interpolation(transform) not in ("nearest", "bilinear"):
        return None
    return trivial_augment(transform.num_magnitude_bins, interpolation(transform) == "bilinear")


def rand(transform: Any, size: Size) -> BatchStep | None:
    """Return a `RandAugment`."""
    if interpolation(transform) not in ("nearest", "bilinear"):
        return None
    return rand_augment(
        transform.num_ops,
        transform.magnitude,
        transform.num_magnitude_bins,
        interpolation(transform) == "bilinear",
    )


MAKERS: dict[str, Callable[[Any, Size], BatchStep | None]] = {
    "RandomHorizontalFlip": lambda transform, size: Flip(transform.p, 3),
    "RandomVerticalFlip": lambda transform, size: Flip(transform.p, 2),
    "RandomCrop": crop,
    "RandomAffine": affine,
    "RandomRotation": rotation,
    "TrivialAugmentWide": trivial,
    "RandAugment": rand,
}


def batch_steps(
    transforms: Sequence[Any], spatial: Sequence[int], fills: Sequence[Any]
) -> list[BatchStep] | None:
    """Return the batch versions of transforms; None unless all of them have one and fill with a
    single number.
    """
    if not all(fill is None or isinstance(fill, int | float) for fill in fills):
        return None
    steps = [batch_step(transform, tuple(spatial)) for transform in transforms]
    return None if None in steps else [step for step in steps if step is not None]
