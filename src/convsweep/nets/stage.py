"""A stage of a `ConvNet`: blocks at one resolution, their skips, and the step to the next
resolution.
"""

from collections.abc import Sequence

from torch import nn

from convsweep.errors import InfeasibleError
from convsweep.nets.blocks import FEATURE_DROPOUT, activation, pool
from convsweep.nets.blur import BlurPool
from convsweep.nets.bodies import BODIES
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.geometry import output_size, shape_text
from convsweep.nets.residual import LayerScale, SkipBlock, StochasticDepth
from convsweep.nets.stage_layers import Laid, Shape, StageLayers


class StageBuilder(StageLayers):
    """Builds the modules of one stage in order."""

    def __init__(self, stage: Stage, in_shape: Shape) -> None:
        super().__init__(stage, in_shape)
        self.laid: Laid = []

    def lay(self, module: nn.Module) -> None:
        """Append a module whose output has the current shape."""
        self.laid.append((module, self.shape))

    def block(self, stride: int, depth: float) -> None:
        """Append one block; `depth` is 0 for the first of the network and 1 for the last."""
        stage, before = self.stage, self.shape
        out_channels = stage.growth if stage.skip == "concat" else stage.width
        block: nn.Module = nn.Sequential(*BODIES[stage.block](self, out_channels, stride))
        if stage.skip == "add":
            block = self.add_skip(block, before, stride, depth)
        if stage.skip == "concat":
            block = SkipBlock(block, nn.Identity(), nn.Identity(), concat=True)
            self.shape = (before[0] + stage.growth, *self.shape[1:])
        self.lay(block)
        if stage.dropout:
            self.lay(FEATURE_DROPOUT[self.dim](stage.dropout))

    def add_skip(self, body: nn.Module, in_shape: Shape, stride: int, depth: float) -> nn.Module:
        """Return a block that adds its body's output to its input."""
        stage, out_shape = self.stage, self.shape
        fits = stride == 1 and in_shape[0] == out_shape[0]
        if stage.block == "inverted" and not fits:
            return body
        if stage.layer_scale is not None:
            body = nn.Sequential(body, LayerScale(out_shape[0], self.dim, stage.layer_scale))
        if stage.stochastic_depth * depth > 0:
            body = nn.Sequential(body, StochasticDepth(stage.stochastic_depth * depth))
        shortcut: nn.Module = nn.Identity()
        if not fits:
            self.shape = in_shape
            shortcut = self.shortcut(out_shape[0], stride)
            self.shape = out_shape
        linear = stage.block in ("inverted", "convnext") or stage.norm_at == "before"
        out_activation = nn.Identity() if linear else activation(stage.activation)
        return SkipBlock(body, shortcut, out_activation, concat=False)

    def shortcut(self, out_channels: int, stride: int) -> nn.Module:
        """Return the 1x1 convolution that matches a block's input to its output."""
        if self.stage.norm_at == "before":
            return self.conv(out_channels, 1, stride)
        return self.unit(out_channels, 1, stride, activated=False)

    def pool(self) -> None:
        """Append the pool or the filter."""
        stage, (channels, *spatial) = self.stage, self.shape
        size, blurs = stage.pool_window, stage.downsample == "blur"
        padding = size // 2 if blurs else stage.pool_padding
        if blurs and min(spatial) <= padding:
            raise InfeasibleError(
                f"downsample=blur reflects {padding} positions at each border, but gets"
                f" {shape_text(spatial)}"
            )
        what = f"a pool with pool_size={size}, stride={stage.stride}"
        self.shape = (channels, *output_size(spatial, size, stage.stride, padding, what=what))
        self.lay(
            BlurPool(self.dim, channels, size, stage.stride)
            if blurs
            else pool(self.dim, stage.downsample, size, stage.stride, padding)
        )

    def patches(self, out_channels: int) -> None:
        """Append the convolution whose kernel size is its stride; its normalisation comes first if
        the blocks do not normalise after each convolution.
        """
        stage = self.stage
        if stage.block == "convnext" or stage.norm_at == "before":
            before = self.norm_act(activated=False)
            step = self.conv(out_channels, stage.stride, stage.stride, padding="valid")
            self.lay(nn.Sequential(*before, step))
        else:
            self.lay(self.unit(out_channels, stage.stride, stage.stride, padding="valid"))

    def downsample(self, where: str) -> None:
        """Append the step to the next resolution unless a block's convolution does it."""
        stage = self.stage
        if where != stage.downsample_at:
            return
        if stage.downsample in ("max", "average", "blur"):
            self.pool()
        if stage.downsample == "patches":
            starts, concats = where == "start", stage.skip == "concat"
            self.patches(stage.width if starts and not concats else self.shape[0])

    def join(self, stride: int) -> None:
        """Append the convolution that brings concatenated feature maps to the stage's width
        (DenseNet's transition), unless they have it.
        """
        if stride == 1 and self.shape[0] == self.stage.width:
            return
        kernel_size = self.stage.kernel_sizes[-1] if stride > 1 else 1
        self.lay(self.unit(self.stage.width, kernel_size, stride))


def build_stage(stage: Stage, in_shape: Shape, depths: Sequence[float] = ()) -> Laid:
    """Return the modules of a stage, each with the shape of its output.

    Args:
        stage: options of the stage.
        in_shape: (C, *spatial) of the input.
        depths: relative depth of each block in the network, 0 to 1; empty: 1 for all.

    Raises:
        InfeasibleError: a window does not fit, or channels cannot be divided.
    """
    builder = StageBuilder(stage, in_shape)
    strides, concats = stage.downsample == "stride", stage.skip == "concat"
    at_start = stage.downsample_at == "start"
    builder.downsample("start")
    if strides and at_start and concats:
        builder.lay(builder.unit(in_shape[0], stage.kernel_sizes[0], stage.stride))
    strided = None if concats or not strides else 0 if at_start else stage.num_blocks - 1
    for index in range(stage.num_blocks):
        depth = depths[index] if depths else 1.0
        builder.block(stage.stride if index == strided else 1, depth)
    if concats:
        builder.join(stage.stride if strides and not at_start else 1)
    builder.downsample("end")
    return builder.laid
