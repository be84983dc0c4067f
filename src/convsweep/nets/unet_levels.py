"""The parts of a `UNet`: the convolutions of a level, and the steps down and up."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from convsweep.nets.blocks import (
    CONV_TRANSPOSE,
    FEATURE_DROPOUT,
    LINEAR_UPSAMPLE,
    activation,
    conv_norm_act,
    pool,
)
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.geometry import Padding
from convsweep.nets.options import Activation
from convsweep.nets.residual import SkipBlock
from convsweep.nets.stage import build_stage
from convsweep.nets.stage_layers import in_order
from convsweep.nets.unet_plan import UNetOptions
from convsweep.nets.unet_sizes import FACTOR

REMEDY = "choose another net.norm, a norm_groups that divides every width, or a smaller depth"


@dataclass(frozen=True)
class Level:
    """The convolutions of one level.

    Attributes:
        plan: Options of the network.
        dim: Spatial axes.
        in_channels: Channels that enter.
        width: Channels that leave.
        spatial: Shape after them.
        depths: Relative depth of each convolution or block in the network, 0 to 1.
    """

    plan: UNetOptions
    dim: int
    in_channels: int
    width: int
    spatial: Sequence[int]
    depths: Sequence[float]

    @property
    def num_convs(self) -> int:
        """Number of convolutions or blocks."""
        return len(self.depths)

    def convolutions(self, last: Activation) -> nn.Sequential:
        """Return a sequence of convolutions; `last` is the activation of the last one."""
        entering = [self.in_channels, *[self.width] * (self.num_convs - 1)]
        activated = [*[self.plan.activation] * (self.num_convs - 1), last]
        return nn.Sequential(
            *(
                self.unit(channels, self.plan.kernel_size, kind)
                for channels, kind in zip(entering, activated, strict=True)
            )
        )

    def plain(self) -> nn.Module:
        """Return a sequence of convolutions."""
        return self.convolutions(self.plan.activation)

    def residual(self) -> nn.Module:
        """Return convolutions with a skip that adds their input to their output."""
        body, projection = self.convolutions("none"), self.projection()
        shortcut = nn.Identity() if projection is None else projection
        return SkipBlock(body, shortcut, activation(self.plan.activation), concat=False)

    def convnext(self) -> nn.Module:
        """Return ConvNeXt's blocks, after a 1x1 convolution to their width."""
        plan = self.plan
        stage = Stage(
            width=self.width,
            num_blocks=self.num_convs,
            block="convnext",
            kernel_size=plan.kernel_size,
            downsample="none",
            skip="add",
            layer_scale=plan.layer_scale,
            stochastic_depth=plan.stochastic_depth,
            norm=plan.norm,
            norm_groups=plan.norm_groups,
            activation=plan.activation,
        )
        entry = self.projection()
        blocks = in_order(build_stage(stage, (self.width, *self.spatial), self.depths))
        return nn.Sequential(*([] if entry is None else [entry]), *blocks)

    def projection(self) -> nn.Sequential | None:
        """Return a 1x1 convolution to the width, None if the input has it."""
        if self.in_channels == self.width:
            return None
        return self.unit(self.in_channels, 1, "none")

    def unit(self, in_channels: int, kernel_size: int, activated: Activation) -> nn.Sequential:
        """Return a convolution to the width, with its normalisation and activation."""
        return plan_unit(
            self.plan, self.dim, in_channels, self.width, self.spatial, kernel_size, activated
        )


def build_level(
    plan: UNetOptions,
    dim: int,
    in_channels: int,
    width: int,
    spatial: Sequence[int],
    depths: Sequence[float],
) -> nn.Module:
    """Return the convolutions of one level.

    Args:
        plan: options of the network.
        dim: spatial axes.
        in_channels, width: channels before and after.
        spatial: shape after them.
        depths: relative depth of each convolution or block in the network, 0 to 1.
    """
    level = Level(plan, dim, in_channels, width, spatial, depths)
    build = {"plain": level.plain, "residual": level.residual, "convnext": level.convnext}
    body = build[plan.block]()
    return nn.Sequential(body, FEATURE_DROPOUT[dim](plan.dropout)) if plan.dropout else body


def plan_unit(
    plan: UNetOptions,
    dim: int,
    in_channels: int,
    width: int,
    spatial: Sequence[int],
    kernel_size: int,
    activated: Activation,
    *,
    stride: int = 1,
    padding: Padding | None = None,
) -> nn.Sequential:
    """Return a convolution with the network's normalisation, and with its padding unless another is
    given.
    """
    return conv_norm_act(
        dim,
        in_channels,
        width,
        spatial,
        kernel_size,
        norm_kind=plan.norm,
        norm_groups=plan.norm_groups,
        activation_kind=activated,
        stride=stride,
        padding=padding or plan.padding,
    )


def build_down(plan: UNetOptions, dim: int, width: int, spatial: Sequence[int]) -> nn.Module:
    """Return the step to half the resolution."""
    if plan.downsample == "stride":
        return plan_unit(
            plan,
            dim,
            width,
            width,
            spatial,
            plan.kernel_size,
            plan.activation,
            stride=FACTOR,
            padding="same",
        )
    return pool(dim, plan.downsample, window=FACTOR, stride=FACTOR)


def build_up(
    plan: UNetOptions,
    dim: int,
    in_channels: int,
    width: int,
    step: int,
    spatial: Sequence[int],
) -> nn.Module:
    """Return the step to `step` times the resolution, with `width` output channels if it has
    weights.
    """
    if plan.upsample == "transposed":
        return CONV_TRANSPOSE[dim](in_channels, width, step, stride=step)
    kind, _, only = plan.upsample.partition("_")
    mode = "nearest" if kind == "nearest" else LINEAR_UPSAMPLE[dim]
    enlarge = nn.Upsample(
        scale_factor=step, mode=mode, align_corners=None if mode == "nearest" else False
    )
    if only:
        return enlarge
    smooth = plan_unit(
        plan, dim, in_channels, width, spatial, plan.kernel_size, plan.activation, padding="same"
    )
    return nn.Sequential(enlarge, smooth)
