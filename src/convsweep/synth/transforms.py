"""Small changes of the image in front of the network at every step, so that what is drawn holds up to them."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

Transform = Callable[[Tensor], Tensor]


def jitter(u: Tensor, most: int, generator: Generator) -> Tensor:
    """Return the images (N, C, *spatial) rolled by up to `most` positions along every axis."""
    if most < 1:
        return u
    axes = tuple(range(2, u.dim()))
    shifts = torch.randint(-most, most + 1, (len(axes),), generator=generator).tolist()
    return torch.roll(u, shifts, axes)


def blur(u: Tensor, sigma: float) -> Tensor:
    """Return the images (N, C, *spatial) blurred by a Gaussian of `sigma` positions, the border repeated."""
    if sigma <= 0:
        return u
    radius = max(1, round(3 * sigma))
    place = torch.arange(-radius, radius + 1, device=u.device, dtype=u.dtype)
    kernel = torch.exp(-place.square() / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    for axis in range(2, u.dim()):
        u = along(u, kernel, axis)
    return u


def along(u: Tensor, kernel: Tensor, axis: int) -> Tensor:
    """Return `u` convolved with a kernel (K,) along one axis."""
    rows = u.movedim(axis, -1)
    shape = rows.shape
    radius = len(kernel) // 2
    flat = F.pad(rows.reshape(-1, 1, shape[-1]), (radius, radius), mode="replicate")
    return F.conv1d(flat, kernel.view(1, 1, -1)).reshape(shape).movedim(-1, axis)


def compose(most: int, sigma: float, generator: Generator) -> Transform:
    """Return jitter followed by blur."""
    return lambda u: blur(jitter(u, most, generator), sigma)
