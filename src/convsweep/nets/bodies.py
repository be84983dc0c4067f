"""The body of each kind of block: its layers without the skip around it."""

from collections.abc import Callable

from torch import nn

from convsweep.nets.options import Block
from convsweep.nets.stage_layers import StageLayers


def convolutions(layers: StageLayers, out_channels: int, stride: int) -> list[nn.Module]:
    """Return a sequence of convolutions; the last has no activation if a sum follows."""
    stage, (in_channels, *_) = layers.stage, layers.shape
    last = len(stage.kernel_sizes) - 1
    units = [
        layers.unit(
            out_channels,
            kernel_size,
            stride if index == 0 else 1,
            activated=stage.skip != "add" or index < last,
        )
        for index, kernel_size in enumerate(stage.kernel_sizes)
    ]
    return [*units, *layers.attention(in_channels)]


def bottleneck(layers: StageLayers, out_channels: int, stride: int) -> list[nn.Module]:
    """Return convolutions: 1x1 to fewer channels, spatial, 1x1 to more (He et al. 2015); under
    `skip: concat` only 1x1 and spatial (Huang et al. 2017).
    """
    stage, (in_channels, *_) = layers.stage, layers.shape
    ratio = stage.bottleneck_ratio or 4
    if stage.skip == "concat":
        narrow = layers.unit(out_channels * ratio, 1)
        look = layers.unit(out_channels, stage.kernel_sizes[0], stride)
        return [narrow, look, *layers.attention(in_channels)]
    inner = max(1, stage.width // ratio)
    narrow, look = layers.unit(inner, 1), layers.unit(inner, stage.kernel_sizes[0], stride)
    gate = layers.attention(in_channels)
    return [narrow, look, *gate, layers.unit(out_channels, 1, activated=stage.skip != "add")]


def separable(layers: StageLayers, out_channels: int, stride: int) -> list[nn.Module]:
    """Return a depthwise convolution and a 1x1 convolution (MobileNet, Howard et al. 2017)."""
    stage, (in_channels, *_) = layers.stage, layers.shape
    look = layers.unit(in_channels, stage.kernel_sizes[0], stride, depthwise=True)
    mix = layers.unit(out_channels, 1, activated=stage.skip != "add")
    return [look, mix, *layers.attention(in_channels)]


def inverted(layers: StageLayers, out_channels: int, stride: int) -> list[nn.Module]:
    """Return convolutions: 1x1 to more channels, depthwise, 1x1 to fewer without activation
    (Sandler et al. 2018).
    """
    stage, (in_channels, *_) = layers.stage, layers.shape
    inner = max(1, round(in_channels * (stage.expansion or 6)))
    widen = [] if inner == in_channels else [layers.unit(inner, 1)]
    look = layers.unit(inner, stage.kernel_sizes[0], stride, depthwise=True)
    gate = layers.attention(in_channels)
    return [*widen, look, *gate, layers.unit(out_channels, 1, activated=False)]


def convnext(layers: StageLayers, out_channels: int, stride: int) -> list[nn.Module]:
    """Return depthwise, normalisation, 1x1 to more channels, activation, 1x1 (Liu et al. 2022)."""
    stage, (in_channels, *_) = layers.stage, layers.shape
    inner = max(1, round(in_channels * (stage.expansion or 4)))
    return [
        layers.conv(in_channels, stage.kernel_sizes[0], stride, depthwise=True),
        *layers.norm_act(activated=False),
        layers.channel_mlp(inner, out_channels),
        *layers.attention(in_channels),
    ]


# From the layers of a stage, the output channels and the stride to the block's modules in order.
BODIES: dict[Block, Callable[[StageLayers, int, int], list[nn.Module]]] = {
    "plain": convolutions,
    "basic": convolutions,
    "bottleneck": bottleneck,
    "separable": separable,
    "inverted": inverted,
    "convnext": convnext,
}
