"""Resampling of a batch by an affine map for each sample, as torchvision resamples images."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def resample(x: Tensor, matrices: Tensor, fill: float | None, bilinear: bool) -> Tensor:
    """Return a batch (B, C, H, W) resampled at other positions.

    Args:
        matrices: (B, 2, 3) from a position in the result to its position in the sample.
        fill: value of positions outside of the image; None: 0.
        bilinear: interpolate rather than take the nearest value.
    """
    exact = x.is_floating_point()
    grid = sampling_grid(matrices.to(x.dtype if exact else torch.float32), (x.shape[2], x.shape[3]))
    values = x if exact else x.to(grid.dtype)
    mode = "bilinear" if bilinear else "nearest"
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


def inverse_affine(drawn: Tensor, fixed: Tensor | None = None) -> Tensor:
    """Return the matrices (B, 2, 3) from positions in the result to positions in the sample, in
    pixels from the centre.

    Args:
        drawn: (B, 6) angle, shifts along x and y, scale, shears along x and y; angles in degrees.
        fixed: (B, 2) x and y of the centre of rotation and shear; None: the image's centre.
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
    turns = torch.stack([first, second], dim=1)
    if fixed is None:
        fixed = torch.zeros_like(shift)
    return torch.cat(
        [turns, (fixed - (turns @ (fixed + shift).unsqueeze(2))[..., 0])[..., None]], 2
    )


def sampling_grid(matrices: Tensor, size: tuple[int, int]) -> Tensor:
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
