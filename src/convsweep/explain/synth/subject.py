"""The trained network of a synthesis, and the units of its input."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from convsweep.data.permutation import Permutation
from convsweep.explain.synth.components.gaussian import Gaussian, white
from convsweep.models.normalize import Normalize
from convsweep.task import Task

# The limits of an 8-bit image.
BYTE = (0.0, 255.0)


@dataclass(frozen=True)
class SynthSubject:
    """A network in evaluation mode with frozen weights.

    Images are in units of the training data: 0 is the mean of a channel, 1 its standard deviation.

    Attributes:
        net: maps normalised samples (N, C, *spatial) to logits.
        normalize: normalisation of raw samples.
        in_shape: (C, *spatial) of the training data.
        class_names: one name a class.
        task: of the network.
        limits: smallest and largest raw value of a sample; None: no limits.
        gaussian_of: returns `gaussian` on first use.
        permutation: of positions (`data.permute`), applied to inputs of the network and undone on
            outputs, so that images have their positions in order.
    """

    net: nn.Module
    normalize: Normalize
    in_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    task: Task
    limits: tuple[float, float] | None
    gaussian_of: Callable[["SynthSubject"], Gaussian] = field(default=lambda subject: white())
    permutation: Permutation | None = None

    @cached_property
    def gaussian(self) -> Gaussian:
        """Gaussian prior of samples."""
        return self.gaussian_of(self)

    @property
    def device(self) -> torch.device:
        return self.normalize.mean.device

    @property
    def dim(self) -> int:
        return len(self.in_shape) - 1

    def raw(self, u: Tensor) -> Tensor:
        """Return samples (N, C, *) in the units of the data."""
        return u / self.per_channel(self.normalize.scale) + self.per_channel(self.normalize.mean)

    def units(self, raw: Tensor) -> Tensor:
        """Return the inverse of `raw`."""
        return (raw - self.per_channel(self.normalize.mean)) * self.per_channel(
            self.normalize.scale
        )

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Return the limits in units of the training data's statistics, each (1, C, 1, ...)."""
        low, high = self.limits or (-math.inf, math.inf)
        like = torch.ones_like(self.per_channel(self.normalize.mean))
        return self.units(low * like), self.units(high * like)

    def clamp(self, u: Tensor) -> Tensor:
        """Return samples clipped to the limits."""
        low, high = self.bounds()
        return torch.minimum(torch.maximum(u, low), high)

    def logits(self, u: Tensor) -> Tensor:
        """Return the network's logits of samples in these units."""
        if self.permutation is None:
            answer: Tensor = self.net(self.normalize(self.raw(u)))
            return answer
        return self.permutation.undo(self.net(self.normalize(self.raw(self.permutation(u)))))

    def per_channel(self, values: Tensor) -> Tensor:
        """Return values (C,) with the shape (1, C, 1, ...)."""
        return values.view(1, -1, *[1] * self.dim)


def frozen(net: nn.Module) -> nn.Module:
    """Return the network in evaluation mode, with gradients of the weights disabled."""
    return net.eval().requires_grad_(False)
