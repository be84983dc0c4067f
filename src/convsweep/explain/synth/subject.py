"""The trained network that images are drawn out of, and the units that its input is measured in."""

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

BYTE = (0.0, 255.0)


@dataclass(frozen=True)
class Subject:
    """A network in evaluation mode whose weights stay as they are.

    An image is worked on in units of the training data: 0 is the mean of a channel, 1 its standard
    deviation.

    Attributes:
        net: From normalised samples (N, C, *spatial) to logits.
        normalize: What raw samples pass first.
        in_shape: (C, *spatial) of the training data.
        class_names: One name a class.
        task: Of the network.
        limits: Smallest and largest raw value that a sample can have; None where there is no limit.
        gaussian_of: What makes `gaussian`, once it is asked for.
        permutation: Done to samples in front of the network, and undone to answers after it
            (`data.permute`): images have their positions in order, only the network does not see
            them so.
    """

    net: nn.Module
    normalize: Normalize
    in_shape: tuple[int, ...]
    class_names: tuple[str, ...]
    task: Task
    limits: tuple[float, float] | None
    gaussian_of: Callable[["Subject"], Gaussian] = field(default=lambda subject: white())
    permutation: Permutation | None = None

    @cached_property
    def gaussian(self) -> Gaussian:
        """What samples are like without the network."""
        return self.gaussian_of(self)

    @property
    def device(self) -> torch.device:
        return self.normalize.mean.device

    @property
    def dim(self) -> int:
        return len(self.in_shape) - 1

    def raw(self, u: Tensor) -> Tensor:
        """Return a sample (N, C, *) as the data stores it, from the units that it is worked on
        in.
        """
        return u / self.per_channel(self.normalize.scale) + self.per_channel(self.normalize.mean)

    def units(self, raw: Tensor) -> Tensor:
        """Return the inverse of `raw`."""
        return (raw - self.per_channel(self.normalize.mean)) * self.per_channel(
            self.normalize.scale
        )

    def bounds(self) -> tuple[Tensor, Tensor]:
        """Return the limits in the units that an image is worked on in, each (1, C, 1, ...)."""
        low, high = self.limits or (-math.inf, math.inf)
        like = torch.ones_like(self.per_channel(self.normalize.mean))
        return self.units(low * like), self.units(high * like)

    def clamp(self, u: Tensor) -> Tensor:
        """Return samples within the limits."""
        low, high = self.bounds()
        return torch.minimum(torch.maximum(u, low), high)

    def logits(self, u: Tensor) -> Tensor:
        """Return the network's answer to samples in the units that they are worked on in."""
        if self.permutation is None:
            answer: Tensor = self.net(self.normalize(self.raw(u)))
            return answer
        return self.permutation.undo(self.net(self.normalize(self.raw(self.permutation(u)))))

    def per_channel(self, values: Tensor) -> Tensor:
        """Return values of channels (C,) as (1, C, 1, ...)."""
        return values.view(1, -1, *[1] * self.dim)


def frozen(net: nn.Module) -> nn.Module:
    """Return the network in evaluation mode, its weights without gradients."""
    return net.eval().requires_grad_(False)
