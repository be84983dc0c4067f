"""A stage of a `ConvNet`: blocks at one resolution, their skips, and the step to the next
resolution.
"""

import torch
from torch import Tensor, nn

from convsweep.nets.blocks import (
    FEATURE_DROPOUT,
    activation,
    center_crop_or_pad,
    conv_norm_act,
    pool,
)
from convsweep.nets.convnet_plan import Stage
from convsweep.nets.geometry import output_size

# (C, *spatial) of one sample.
Shape = tuple[int, ...]


class SkipBlock(nn.Module):
    """Convolutions whose input is added to, or concatenated with, their output.

    Args:
        body: the convolutions.
        shortcut: what the input passes to match the body's output under `add`.
        out_activation: after the sum; an identity under `concat`.
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
        """Return the joined feature maps; where borders changed their size, the input is cropped or
        padded centrally.
        """
        y = self.body(x)
        skipped = center_crop_or_pad(self.shortcut(x), y.shape[2:])
        if self.concat:
            return torch.cat([skipped, y], dim=1)
        joined: Tensor = self.out_activation(y + skipped)
        return joined


class StageBuilder:
    """Lays the modules of one stage one after the other and keeps track of the shape they leave."""

    def __init__(self, stage: Stage, in_shape: Shape) -> None:
        self.stage, self.shape, self.dim = stage, in_shape, len(in_shape) - 1
        self.modules: list[nn.Module] = []

    def conv_norm_act(
        self,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        last: bool = False,
        behind: Shape | None = None,
    ) -> nn.Sequential:
        """Return one convolution unit after the shape `after` (default: the current one) and move
        the shape on.
        """
        stage, (channels, *spatial) = self.stage, behind or self.shape
        looks = kernel_size > 1
        padding, dilation = (stage.padding, stage.dilation) if looks else (0, 1)
        what = f"a convolution with kernel_size={kernel_size}, stride={stride}, dilation={dilation}"
        left = output_size(spatial, kernel_size, stride, padding, dilation, what)
        self.shape = (out_channels, *left)
        return conv_norm_act(
            self.dim,
            channels,
            out_channels,
            left,
            kernel_size,
            norm_kind=stage.norm,
            norm_groups=stage.norm_groups,
            activation_kind="none" if last else stage.activation,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=stage.groups if looks else 1,
        )

    def body(self, out_channels: int, stride: int, last: bool) -> nn.Sequential:
        """Return the convolutions of one block; the last one is not activated where a sum
        follows.
        """
        stage, kernel_sizes = self.stage, self.stage.kernel_sizes
        if stage.block == "bottleneck":
            inner = max(1, stage.width // stage.bottleneck_ratio)
            narrow, look = (
                self.conv_norm_act(inner, 1),
                self.conv_norm_act(inner, kernel_sizes[0], stride),
            )
            return nn.Sequential(narrow, look, self.conv_norm_act(out_channels, 1, last=last))
        end = len(kernel_sizes) - 1
        return nn.Sequential(
            *(
                self.conv_norm_act(
                    out_channels, kernel_size, stride if index == 0 else 1, last and index == end
                )
                for index, kernel_size in enumerate(kernel_sizes)
            )
        )

    def block(self, stride: int) -> None:
        """Lay one block."""
        stage, before = self.stage, self.shape
        adds, concats = stage.skip == "add", stage.skip == "concat"
        out_channels = (
            (stage.dense_growth or max(1, stage.width // stage.num_blocks))
            if concats
            else stage.width
        )
        block: nn.Module = self.body(out_channels, stride, last=adds)
        after = self.shape
        if adds:
            fits = stride == 1 and before[0] == after[0]
            shortcut = (
                nn.Identity()
                if fits
                else self.conv_norm_act(after[0], 1, stride, last=True, behind=before)
            )
            block = SkipBlock(block, shortcut, activation(stage.activation), concat=False)
        if concats:
            block = SkipBlock(block, nn.Identity(), nn.Identity(), concat=True)
            after = (before[0] + out_channels, *after[1:])
        self.shape = after
        self.modules.append(block)
        if stage.dropout:
            self.modules.append(FEATURE_DROPOUT[self.dim](stage.dropout))

    def pool(self) -> None:
        """Lay the pool."""
        stage, (channels, *spatial) = self.stage, self.shape
        what = f"a pool with pool_size={stage.pool_window}, stride={stage.stride}"
        self.shape = (
            channels,
            *output_size(spatial, stage.pool_window, stage.stride, stage.pool_padding, what=what),
        )
        self.modules.append(
            pool(self.dim, stage.downsample, stage.pool_window, stage.stride, stage.pool_padding)
        )

    def join(self, stride: int) -> None:
        """Lay the convolution that brings concatenated feature maps to the stage's width
        (DenseNet's transition).
        """
        self.modules.append(
            self.conv_norm_act(
                self.stage.width, self.stage.kernel_sizes[-1] if stride > 1 else 1, stride
            )
        )


def build_stage(stage: Stage, in_shape: Shape) -> tuple[nn.Sequential, Shape]:
    """Return a stage after `in_shape` and the shape that leaves it.

    Raises:
        InfeasibleError: a window does not fit, or channels cannot be divided.
    """
    builder = StageBuilder(stage, in_shape)
    pools, strides = stage.downsample in ("max", "average"), stage.downsample == "stride"
    at_start, concats = stage.downsample_at == "start", stage.skip == "concat"
    if pools and at_start:
        builder.pool()
    if strides and at_start and concats:
        builder.modules.append(
            builder.conv_norm_act(in_shape[0], stage.kernel_sizes[0], stage.stride)
        )
    strided = None if concats or not strides else 0 if at_start else stage.num_blocks - 1
    for index in range(stage.num_blocks):
        builder.block(stage.stride if index == strided else 1)
    if concats:
        builder.join(stage.stride if strides and not at_start else 1)
    if pools and not at_start:
        builder.pool()
    return nn.Sequential(*builder.modules), builder.shape
