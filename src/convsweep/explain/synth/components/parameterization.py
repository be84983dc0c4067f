"""Parameterisations of images: pixels, whitened coordinates, Fourier coefficients."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from convsweep.cli.console import say
from convsweep.explain.synth.subject import SynthSubject


class Parameterization(nn.Module, ABC):
    """Base of parameterisations of a batch of images.

    Args:
        start: (N, C, *spatial) the images to begin with, in the units of `SynthSubject`.
        subject: has the limits of images.
    """

    def __init__(self, start: Tensor, subject: SynthSubject) -> None:
        super().__init__()
        self.subject = subject

    @abstractmethod
    def image(self) -> Tensor:
        """Return the images (N, C, *spatial)."""

    def project(self) -> None:
        """Project the parameters so that images keep their limits; called after every step."""


class Pixels(Parameterization):
    """Pixels, clipped to the limits after every step (projected gradient ascent)."""

    def __init__(self, start: Tensor, subject: SynthSubject) -> None:
        super().__init__(start, subject)
        self.pixels = nn.Parameter(self.subject.clamp(start.clone()))

    def image(self) -> Tensor:
        return self.pixels

    @torch.no_grad()
    def project(self) -> None:
        self.pixels.copy_(self.subject.clamp(self.pixels))


class Whitened(Parameterization):
    """Coordinates z in which `SynthSubject.gaussian` is standard normal, x = mean + C^1/2 z.

    Relative to their standard deviations, a step changes directions of large variance (shapes) as
    much as those of small variance (noise). Limits are not enforced: a Gaussian has none.
    """

    def __init__(self, start: Tensor, subject: SynthSubject) -> None:
        super().__init__(start, subject)
        self.coordinates = nn.Parameter(subject.gaussian.whiten(start))

    def image(self) -> Tensor:
        return self.subject.gaussian.color(self.coordinates)


def auto(start: Tensor, subject: SynthSubject) -> Parameterization:
    """Return the parameterisation that gives recognisable images: whitened coordinates if the
    covariance of the data is known, else pixels.
    """
    known = subject.gaussian.basis is not None
    why = "the covariance of the training data is known" if known else "the prior is white"
    say(f"parameterization: {'whitened' if known else 'pixels'} ({why})")
    return Whitened(start, subject) if known else Pixels(start, subject)


class Fourier(Parameterization):
    """Fourier coefficients divided by their frequency, so that a step changes large structures as
    much as small ones.

    The spectra of natural images fall off as 1/f (Field 1987; Olah et al. 2017, "Feature
    Visualization"). Limits are enforced by a smooth squashing function, so that gradients do not
    vanish at them.

    Args:
        start: (N, C, *spatial) the images to begin with.
        subject: has the limits.
        decay: power of the frequency.
    """

    scale: Tensor

    def __init__(self, start: Tensor, subject: SynthSubject, decay: float = 1.0) -> None:
        super().__init__(start, subject)
        low, high = subject.bounds()
        self.middle, self.reach = (high + low) / 2, (high - low) / 2
        self.size = tuple(start.shape[2:])
        self.axes = tuple(range(2, start.dim()))
        self.register_buffer(
            "scale",
            frequencies(self.size).to(start.device).clamp_min(1 / max(self.size)).pow(-decay),
        )
        spectrum = torch.fft.rfftn(self.unsquash(start), dim=self.axes, norm="ortho") / self.scale
        self.coefficients = nn.Parameter(torch.view_as_real(spectrum).contiguous())

    def image(self) -> Tensor:
        spectrum = torch.view_as_complex(self.coefficients) * self.scale
        return self.squash(torch.fft.irfftn(spectrum, s=self.size, dim=self.axes, norm="ortho"))

    def squash(self, u: Tensor) -> Tensor:
        """Return images within the limits: middle + half * tanh."""
        if not self.reach.isfinite().all():
            return u
        return self.middle + self.reach * torch.tanh((u - self.middle) / self.reach)

    def unsquash(self, u: Tensor) -> Tensor:
        """Return the inverse of `squash`; values at a limit are moved inside by a thousandth."""
        if not self.reach.isfinite().all():
            return u
        return self.middle + self.reach * torch.atanh(
            ((u - self.middle) / self.reach).clamp(-0.999, 0.999)
        )


def frequencies(size: tuple[int, ...]) -> Tensor:
    """Return the frequency (cycles a position) of each coefficient of a real Fourier transform."""
    axes = [torch.fft.fftfreq(length) for length in size[:-1]] + [torch.fft.rfftfreq(size[-1])]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).square().sum(0).sqrt()
