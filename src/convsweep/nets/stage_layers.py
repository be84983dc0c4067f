"""The layers of a stage's blocks, with the shape of the output of each."""

from torch import nn

from convsweep.nets.attention import channel_attention
from convsweep.nets.blocks import REMOVES_BIAS, ChannelMLP, conv, norm_act
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.geometry import Padding, output_size

# (C, *spatial) of one sample.
Shape = tuple[int, ...]
# Modules in order, each with the shape of its output.
Laid = list[tuple[nn.Module, Shape]]


def in_order(laid: Laid) -> nn.Sequential:
    """Return the modules as one sequence."""
    return nn.Sequential(*(module for module, _ in laid))


def shape_after(laid: Laid, in_shape: Shape) -> Shape:
    """Return the shape after the last module."""
    return laid[-1][1] if laid else in_shape


class StageLayers:
    """Returns layers with a stage's options, each for the output shape of the one before."""

    def __init__(self, stage: Stage, in_shape: Shape) -> None:
        self.stage, self.shape, self.dim = stage, in_shape, len(in_shape) - 1

    def conv(
        self,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        depthwise: bool = False,
        padding: Padding | None = None,
        bias: bool | None = None,
    ) -> nn.Module:
        """Return a convolution for the current shape, and update the shape.

        Args:
            out_channels: of the convolution.
            kernel_size: of the convolution; dilation, groups and padding of the stage apply if it
                is larger than 1.
            stride: of the convolution.
            depthwise: convolve each channel separately.
            padding: None for the stage's.
            bias: None for a bias only if no normalisation cancels it.
        """
        stage, (channels, *spatial) = self.stage, self.shape
        looks = kernel_size > 1 and padding is None
        borders, dilation = (stage.padding, stage.dilation) if looks else (padding or 0, 1)
        what = f"a convolution with kernel_size={kernel_size}, stride={stride}, dilation={dilation}"
        self.shape = (
            out_channels,
            *output_size(spatial, kernel_size, stride, borders, dilation, what),
        )
        return conv(
            self.dim,
            channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=borders,
            dilation=dilation,
            groups=channels if depthwise else stage.groups if looks else 1,
            bias=stage.norm not in REMOVES_BIAS if bias is None else bias,
        )

    def norm_act(self, activated: bool = True, in_place: bool = True) -> list[nn.Module]:
        """Return normalisation and activation for the current shape; `in_place` is whether their
        input may be overwritten.
        """
        stage, (channels, *spatial) = self.stage, self.shape
        return norm_act(
            self.dim,
            channels,
            spatial,
            norm_kind=stage.norm,
            norm_groups=stage.norm_groups,
            norm_eps=stage.norm_eps,
            activation_kind=stage.activation if activated else "none",
            in_place=in_place,
        )

    def unit(
        self,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        *,
        activated: bool = True,
        depthwise: bool = False,
        padding: Padding | None = None,
    ) -> nn.Sequential:
        """Return a convolution with its normalisation and activation, in the stage's order;
        `activated` is false for the last one before a sum.
        """
        if self.stage.norm_at == "before":
            before = self.norm_act(in_place=False)  # the shortcut takes the input too
            return nn.Sequential(*before, self.conv(out_channels, kernel_size, stride))
        convolution = self.conv(
            out_channels, kernel_size, stride, depthwise=depthwise, padding=padding
        )
        return nn.Sequential(convolution, *self.norm_act(activated))

    def channel_mlp(self, inner_channels: int, out_channels: int) -> nn.Module:
        """Return two linear layers over the channels of each position, with an activation between
        them, and update the shape.
        """
        channels, *spatial = self.shape
        self.shape = (out_channels, *spatial)
        return ChannelMLP(channels, inner_channels, out_channels, self.stage.activation)

    def attention(self, in_channels: int) -> list[nn.Module]:
        """Return the attention over the current channels of a block with `in_channels` input
        channels.
        """
        stage = self.stage
        squeezed = max(1, round(in_channels / (stage.attention_ratio or 4)))
        return channel_attention(
            stage.attention, self.dim, self.shape[0], squeezed, stage.activation
        )
