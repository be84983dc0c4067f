"""Layers of networks, for any number of spatial axes: the only file that names Conv1d, Conv2d and
Conv3d.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convsweep.errors import InfeasibleError
from convsweep.nets.geometry import Padding, margins, shape_text
from convsweep.nets.options import Activation, Init, Norm

CONV: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
CONV_TRANSPOSE: dict[int, type[nn.Module]] = {
    1: nn.ConvTranspose1d,
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
PAD: dict[int, type[nn.Module]] = {1: nn.ConstantPad1d, 2: nn.ConstantPad2d, 3: nn.ConstantPad3d}
POOL: dict[str, dict[int, Any]] = {
    "max": {1: nn.MaxPool1d, 2: nn.MaxPool2d, 3: nn.MaxPool3d},
    "average": {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d},
}
ADAPTIVE_POOL: dict[str, dict[int, Any]] = {
    "max": {1: nn.AdaptiveMaxPool1d, 2: nn.AdaptiveMaxPool2d, 3: nn.AdaptiveMaxPool3d},
    "average": {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d},
}
BATCH_NORM: dict[int, type[nn.Module]] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
INSTANCE_NORM: dict[int, type[nn.Module]] = {
    1: nn.InstanceNorm1d,
    2: nn.InstanceNorm2d,
    3: nn.InstanceNorm3d,
}
FEATURE_DROPOUT: dict[int, type[nn.Module]] = {1: nn.Dropout1d, 2: nn.Dropout2d, 3: nn.Dropout3d}
LINEAR_UPSAMPLE = {1: "linear", 2: "bilinear", 3: "trilinear"}
ACTIVATION: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "hard_swish": nn.Hardswish,
    "mish": nn.Mish,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "none": nn.Identity,
}
IN_PLACE = {"relu", "relu6", "leaky_relu", "silu", "hard_swish", "mish", "elu"}
# Normalisations that cancel a bias of the layer before them.
REMOVES_BIAS = {"batch", "instance", "group", "layer"}


def conv(
    dim: int,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: Padding = "same",
    dilation: int = 1,
    groups: int = 1,
    bias: bool = True,
) -> nn.Module:
    """Return a convolution over `dim` axes; padded as in `geometry.margins`, whatever the stride.

    Raises:
        InfeasibleError: `groups` does not divide the channels.
    """
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise InfeasibleError(f"groups={groups} must divide {name}={channels}")
    before, after = margins(padding, kernel_size, dilation)
    options = {"stride": stride, "dilation": dilation, "groups": groups, "bias": bias}
    if before == after:
        return CONV[dim](in_channels, out_channels, kernel_size, padding=before, **options)
    return nn.Sequential(
        PAD[dim]((before, after) * dim, 0.0),
        CONV[dim](in_channels, out_channels, kernel_size, **options),
    )


def pool(dim: int, kind: str, window: int, stride: int, padding: int = 0) -> nn.Module:
    """Return a max or average pool; its window may be larger than its stride.

    Raises:
        InfeasibleError: more padding than half a window.
    """
    if padding > window // 2:
        raise InfeasibleError(
            f"pool_padding={padding} must be at most half the window, {window // 2} for"
            f" pool_size={window}"
        )
    module: nn.Module = POOL[kind][dim](window, stride, padding)
    return module


class ChannelNorm(nn.LayerNorm):
    """Layer normalisation over the channels of each position (ConvNeXt, Liu et al. 2022).

    Shape:
        (N, C, *spatial) to the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the feature maps with mean 0 and variance 1 over the channels."""
        channels_last = F.layer_norm(
            x.movedim(1, -1), self.normalized_shape, self.weight, self.bias, self.eps
        )
        return channels_last.movedim(-1, 1)


class ChannelMLP(nn.Sequential):
    """Two linear layers over the channels of each position, an activation between them.

    Equivalent to two 1x1 convolutions, and faster in the memory format channels_last.

    Shape:
        (N, in_channels, *spatial) to (N, out_channels, *spatial).
    """

    def __init__(
        self, in_channels: int, inner_channels: int, out_channels: int, kind: Activation
    ) -> None:
        super().__init__(
            nn.Linear(in_channels, inner_channels),
            activation(kind),
            nn.Linear(inner_channels, out_channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the channels after both layers."""
        y: Tensor = super().forward(x.movedim(1, -1))
        return y.movedim(-1, 1)


def norm(
    kind: Norm,
    dim: int,
    channels: int,
    groups: int,
    spatial: Sequence[int],
    eps: float = 1e-5,
) -> nn.Module | None:
    """Return the normalisation of `channels` feature maps of shape `spatial`, None for `none`.

    `layer` normalises over all channels and positions of a sample (Ba et al. 2016), `channel` over
    the channels of each position. `eps` is added to the variance.

    Raises:
        InfeasibleError: `groups` does not divide the channels, or a map of a single position is
            normalised by itself.
    """
    if kind == "instance" and prod(spatial) == 1:
        raise InfeasibleError(
            "norm=instance needs more than one position a feature map, but gets"
            f" {shape_text(spatial)}"
        )
    if kind == "group" and channels % groups:
        raise InfeasibleError(f"norm_groups={groups} must divide the {channels} channels")
    match kind:
        case "none":
            return None
        case "batch":
            return BATCH_NORM[dim](channels, eps=eps)
        case "instance":
            return INSTANCE_NORM[dim](channels, affine=True, eps=eps)
        case "group":
            return nn.GroupNorm(groups, channels, eps=eps)
        case "layer":
            return nn.GroupNorm(1, channels, eps=eps)
        case "channel":
            return ChannelNorm(channels, eps=eps)


def activation(kind: Activation, in_place: bool = True) -> nn.Module:
    """Return an activation function, which overwrites its input if it can and `in_place` is set."""
    return ACTIVATION[kind](inplace=in_place) if kind in IN_PLACE else ACTIVATION[kind]()


def conv_norm_act(
    dim: int,
    in_channels: int,
    out_channels: int,
    spatial: Sequence[int],
    kernel_size: int,
    *,
    norm_kind: Norm,
    norm_groups: int = 8,
    norm_eps: float = 1e-5,
    activation_kind: Activation = "relu",
    stride: int = 1,
    padding: Padding = "same",
    dilation: int = 1,
    groups: int = 1,
) -> nn.Sequential:
    """Return convolution, normalisation, activation; `spatial` is the shape after the convolution.

    The convolution has a bias only if no normalisation that cancels it follows.
    """
    convolution = conv(
        dim,
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=norm_kind not in REMOVES_BIAS,
    )
    after = norm_act(
        dim,
        out_channels,
        spatial,
        norm_kind=norm_kind,
        norm_groups=norm_groups,
        norm_eps=norm_eps,
        activation_kind=activation_kind,
    )
    return nn.Sequential(convolution, *after)


def norm_act(
    dim: int,
    channels: int,
    spatial: Sequence[int],
    *,
    norm_kind: Norm,
    norm_groups: int = 8,
    norm_eps: float = 1e-5,
    activation_kind: Activation = "relu",
    in_place: bool = True,
) -> list[nn.Module]:
    """Return normalisation and activation of feature maps, without those that are `none`.

    Args:
        in_place: whether an activation without normalisation may overwrite its input.
    """
    normalise = norm(norm_kind, dim, channels, norm_groups, spatial, norm_eps)
    activate = (
        None
        if activation_kind == "none"
        else activation(activation_kind, in_place or normalise is not None)
    )
    return [layer for layer in (normalise, activate) if layer is not None]


def center_crop_or_pad(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Crop `x` (N, C, *) around its centre, or pad it with zeros, to the shape `spatial`; cropping
    a padded tensor restores it.
    """
    if x.shape[2:] == torch.Size(spatial):
        return x
    padding: list[int] = []
    for have, want in zip(reversed(x.shape[2:]), reversed(spatial), strict=True):
        before = (want - have) // 2 if want > have else -((have - want) // 2)
        padding += [before, want - have - before]
    return F.pad(x, padding)


def initialise(net: nn.Module, init: Init) -> None:
    """Draw the weights of convolutions by He et al. 2015 (normal, fan out), or keep torch's default
    initialisation.
    """
    if init == "torch":
        return
    for module in net.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
