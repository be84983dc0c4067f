"""Augmentation of a whole batch at once on its own device: torchvision's transforms with separate
draws for every sample.

A torchvision v2 transform draws its parameters once a call, so it must be called for every sample.
The classes here draw for a batch; given the same parameters the results equal torchvision's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

Size = tuple[int, int]
Fill = float | None


class BatchStep(Protocol):
    """One transform of a batch."""

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """Return the random parameters for `count` samples of (height, width), one row a sample."""

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """Return a batch (B, C, H, W) transformed by its random parameters.

        Args:
            fill: value of positions from outside of the image.
            nearest: use nearest-neighbour interpolation, as for masks, whatever is set for images.
        """


@dataclass(frozen=True)
class Flip:
    """Mirrors a sample with probability `p` along an axis of the batch."""

    p: float
    axis: int

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        return torch.rand(count, generator=generator) < self.p

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        return torch.where(drawn.view(-1, 1, 1, 1), x.flip(self.axis), x)


@dataclass(frozen=True)
class Crop:
    """Pads a sample and crops it to its old size; `padding` is (left, right, top, bottom), `mode`
    torchvision's `padding_mode`.
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
    """Return the indices along an axis of `size` that `mode` repeats at positions outside of it."""
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
        exact = x.is_floating_point()
        grid = sampling_grid(
            inverse_affine(drawn).to(x.dtype if exact else torch.float32), (x.shape[2], x.shape[3])
        )
        values = x if exact else x.to(grid.dtype)
        mode = "nearest" if nearest or not self.bilinear else "bilinear"
        if fill is None:
            moved = F.grid_sample(values, grid, mode, "zeros", align_corners=False)
        else:
            covered = torch.cat([values, torch.ones_like(values[:, :1])], dim=1)
            *parts, cover = F.grid_sample(covered, grid, mode, "zeros", align_corners=False).split(
                [x.shape[1], 1], dim=1
            )
            moved = (
                torch.where(cover < 0.5, fill, parts[0])
                if mode == "nearest"
                else (parts[0] - fill) * cover + fill
            )
        return moved if exact else moved.round().to(x.dtype)


def inverse_affine(drawn: Tensor) -> Tensor:
    """Return the matrices (B, 2, 3) from positions in the result to positions in the sample, in
    pixels from the centre.

    Args:
        drawn: (B, 6) angle, shifts along x and y, scale, shears along x and y; angles in degrees.
    """
    angle, tx, ty, scale, shear_x, shear_y = drawn.unbind(1)
    turn, shear_x, shear_y = angle.deg2rad(), shear_x.deg2rad(), shear_y.deg2rad()
    a = (turn - shear_y).cos() / shear_y.cos()
    b = -(a * shear_x.tan() + turn.sin())
    c = (turn - shear_y).sin() / shear_y.cos()
    d = turn.cos() - c * shear_x.tan()
    first, second = (
        torch.stack([d, -b], 1) / scale[:, None],
        torch.stack([-c, a], 1) / scale[:, None],
    )
    shift = torch.stack([tx, ty], 1)
    rows = [torch.cat([row, -(row * shift).sum(1, keepdim=True)], dim=1) for row in (first, second)]
    return torch.stack(rows, dim=1)


def sampling_grid(matrices: Tensor, size: Size) -> Tensor:
    """Return the grids (B, H, W, 2) that `grid_sample` takes for matrices (B, 2, 3)."""
    height, width = size
    like: dict[str, Any] = {"dtype": matrices.dtype, "device": matrices.device}
    x = torch.linspace((1.0 - width) * 0.5, (width - 1.0) * 0.5, width, **like).expand(
        height, width
    )
    y = (
        torch.linspace((1.0 - height) * 0.5, (height - 1.0) * 0.5, height, **like)
        .view(-1, 1)
        .expand(height, width)
    )
    places = torch.stack([x, y, torch.ones_like(x)], dim=-1).view(1, -1, 3)
    to_x, to_y = matrices.unbind(1)
    # a tensor of the sizes would synchronise with the GPU
    scaled = torch.stack([to_x / (0.5 * width), to_y / (0.5 * height)], dim=2)
    return places.expand(len(matrices), -1, -1).bmm(scaled).view(-1, height, width, 2)


def batch_step(transform: Any, size: Size) -> BatchStep | None:
    """Return the batch version of a torchvision v2 transform for samples of (height, width); None
    if there is none.
    """
    make = (
        MAKERS.get(type(transform).__name__)
        if type(transform).__module__.startswith("torchvision.transforms.v2.")
        else None
    )
    return None if make is None else make(transform, size)


def crop(transform: Any, size: Size) -> BatchStep | None:
    """Return a `RandomCrop` to the size of the sample. Padding by reflection beyond the size is
    left to torchvision, which refuses it.
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


MAKERS: dict[str, Callable[[Any, Size], BatchStep | None]] = {
    "RandomHorizontalFlip": lambda transform, size: Flip(transform.p, 3),
    "RandomVerticalFlip": lambda transform, size: Flip(transform.p, 2),
    "RandomCrop": crop,
    "RandomAffine": affine,
    "RandomRotation": rotation,
}


def batch_steps(
    transforms: Sequence[Any], spatial: Sequence[int], fills: Sequence[Any]
) -> list[BatchStep] | None:
    """Return the batch versions of transforms; None unless all of them have one and fill with a
    single number.
    """
    if not all(fill is None or isinstance(fill, int | float) for fill in fills):
        return None
    steps = [batch_step(transform, (spatial[0], spatial[1])) for transform in transforms]
    return None if None in steps else [step for step in steps if step is not None]
