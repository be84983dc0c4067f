"""Skip connections, and modules that scale or drop a block's output before the sum."""

import torch
from torch import Tensor, nn

from convsweep.nets.blocks import center_crop_or_pad


class SkipBlock(nn.Module):
    """Convolutions whose input is added to, or concatenated with, their output.

    Args:
        body: the convolutions.
        shortcut: layers that give the input the shape of the body's output under `add`.
        out_activation: applied after the sum; an identity under `concat`.
        concat: concatenate instead of add.
    """

    def __init__(
        self, body: nn.Module, shortcut: nn.Module, out_activation: nn.Module, concat: bool
    ) -> None:
        super().__init__()
        self.body, self.shortcut, self.out_activation, self.concat = (
            body,
            shortcut,
            out_activation,
            concat,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the joined feature maps; if the body changed their size, the input is cropped or
        padded around its centre.
        """
        y = self.body(x)
        skipped = center_crop_or_pad(self.shortcut(x), y.shape[2:])
        if self.concat:
            return torch.cat([skipped, y], dim=1)
        joined: Tensor = self.out_activation(y + skipped)
        return joined


class LayerScale(nn.Module):
    """A learned factor for each channel (Touvron et al. 2021).

    Args:
        channels: feature maps.
        dim: spatial axes.
        value: initial value of every factor; with small ones, blocks start close to the identity.
    """

    def __init__(self, channels: int, dim: int, value: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels, *(1,) * dim), float(value)))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, *) times the factors."""
        return x * self.scale


class StochasticDepth(nn.Module):
    """Drops a block's output for single samples while training (Huang et al. 2016).

    Args:
        probability: of dropping a sample's output; the others are multiplied by 1 / (1 -
            probability).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, *) with zeros for the samples that are dropped."""
        if not self.training:
            return x
        keep = 1 - self.probability
        drawn = x.new_empty(len(x), *(1,) * (x.dim() - 1)).bernoulli_(keep)
        return x * drawn.div_(keep)

    def extra_repr(self) -> str:
        """Return the probability, for torch's representation."""
        return f"{self.probability:.4g}"
