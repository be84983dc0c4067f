"""Random transforms of the image before every step, for results that are robust to them."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from convsweep.explain.synth.components.gaussian import Gaussian
from convsweep.explain.synth.subject import SynthSubject

Transform = Callable[[Tensor], Tensor]


def jitter(u: Tensor, most: int, generator: Generator) -> Tensor:
    """Return the images (N, C, *spatial) rolled by up to `most` positions along every axis."""
    if most < 1:
        return u
    axes = tuple(range(2, u.dim()))
    shifts = torch.randint(-most, most + 1, (len(axes),), generator=generator).tolist()
    return torch.roll(u, shifts, axes)


def blur(u: Tensor, sigma: float) -> Tensor:
    """Return the images (N, C, *spatial) blurred by a Gaussian of `sigma` positions, with
    replicated borders.
    """
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


def noisy(u: Tensor, spread: float, gaussian: Gaussian, generator: Generator) -> Tensor:
    """Return the images with added noise of the samples' covariance, scaled by `spread`."""
    noise = torch.randn(u.shape, generator=generator).to(u.device)
    return u + spread * gaussian.correlate(noise)


def compose(
    subject: SynthSubject, generator: Generator, most: int, sigma: float, noise: float = 0.0
) -> Transform:
    """Return a transform that applies noise, limits of samples, jitter and blur."""

    def transform(u: Tensor) -> Tensor:
        seen = noisy(u, noise, subject.gaussian, generator) if noise > 0 else u
        return blur(jitter(subject.clamp(seen), most, generator), sigma)

    return transform
