"""Attention over channels: each feature map is scaled by a gate computed from the means of all
maps.
"""

from math import log2

from torch import Tensor, nn

from convsweep.nets.blocks import ADAPTIVE_POOL, activation, conv
from convsweep.nets.options import Activation, Attention


class SqueezeExcite(nn.Module):
    """Squeeze and excitation (Hu et al. 2018): gates from two layers on the means of all maps.

    Args:
        dim: spatial axes.
        channels: feature maps to scale.
        squeezed: channels of the hidden layer.
        activation_kind: after the hidden layer.
        hard: a piecewise linear sigmoid (MobileNetV3, Howard et al. 2019).

    Shape:
        (N, C, *spatial) to the same.
    """

    def __init__(
        self, dim: int, channels: int, squeezed: int, activation_kind: Activation, hard: bool
    ) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            ADAPTIVE_POOL["average"][dim](1),
            conv(dim, channels, squeezed, 1),
            activation(activation_kind),
            conv(dim, squeezed, channels, 1),
            nn.Hardsigmoid() if hard else nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled feature maps."""
        scaled: Tensor = x * self.gate(x)
        return scaled


class EfficientChannelAttention(nn.Module):
    """Gates from one small convolution along the channels' means (ECA, Wang et al. 2020).

    The kernel size is the odd number at or above (log2(C) + 1) / 2, at most one above (their
    equation 12 with gamma = 2, b = 1).

    Shape:
        (N, C, *spatial) to the same.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        reach = int((log2(channels) + 1) / 2)
        kernel_size = max(reach if reach % 2 else reach + 1, 3)
        self.mix = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scaled feature maps."""
        means = x.flatten(2).mean(-1)
        gate = self.mix(means.unsqueeze(1)).sigmoid().reshape(*means.shape, *(1,) * (x.dim() - 2))
        scaled: Tensor = x * gate
        return scaled


def channel_attention(
    kind: Attention, dim: int, channels: int, squeezed: int, activation_kind: Activation
) -> list[nn.Module]:
    """Return the attention over `channels` feature maps as a list of one module, empty for `none`.

    Between its two layers `se` has the activation of the stage, `hard_se` a ReLU; the gates of
    `hard_se` are a piecewise linear sigmoid (MobileNetV3). `squeezed` is their hidden width.
    """
    match kind:
        case "none":
            return []
        case "se":
            return [SqueezeExcite(dim, channels, squeezed, activation_kind, hard=False)]
        case "hard_se":
            return [SqueezeExcite(dim, channels, squeezed, "relu", hard=True)]
        case "eca":
            return [EfficientChannelAttention(channels)]
