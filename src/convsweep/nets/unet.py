"""UNet: an encoder, a decoder and the skips between them (Ronneberger et al. 2015), an output at
every position.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from convsweep.nets.blocks import (
    CONV_TRANSPOSE,
    FEATURE_DROPOUT,
    LINEAR_UPSAMPLE,
    activation,
    center_crop_or_pad,
    conv,
    conv_norm_act,
    initialise,
    pool,
)
from convsweep.nets.geometry import Padding, check_in_shape, named
from convsweep.nets.options import Activation
from convsweep.nets.residual import SkipBlock
from convsweep.nets.unet_plan import UNetOptions, plan_unet
from convsweep.nets.unet_sizes import FACTOR, halved, level_sizes

REMEDY = "choose another net.norm, a norm_groups that divides every width, or a smaller depth"


class UNet(nn.Module):
    """Convolutions on several levels of resolution, down and up again.

    Args:
        in_shape: (C, *spatial) of the input, 1 to 3 spatial axes.
        num_classes: channels to return at every position.
        options: every option of `unet_plan.UNetOptions`.

    Shape:
        (N, C, *spatial) to (N, num_classes, *spatial); under `padding: valid` to the smaller
        `out_spatial`.

    Raises:
        UserError: an unknown option, or a value outside its range.
        InfeasibleError: a norm that its level cannot have; under `valid`, an input that does not
            halve evenly or is too small.
    """

    def __init__(self, in_shape: Sequence[int], num_classes: int, **options: Any) -> None:
        super().__init__()
        self.in_shape, self.num_classes = tuple(in_shape), num_classes
        self.options = plan = plan_unet(**options)
        check_in_shape(self.in_shape)
        dim, widths = len(in_shape) - 1, plan.widths
        encoder_sizes, decoder_sizes = level_sizes(plan, self.in_shape[1:])
        self.out_spatial = self.in_shape[1:] if plan.padding == "same" else decoder_sizes[-1]

        self.encoder, self.down, self.up, self.decoder = (nn.ModuleList() for _ in range(4))
        channels = self.in_shape[0]
        for level, width in enumerate(widths):
            with named(f"level {level} of the encoder", REMEDY):
                if level > 0:
                    self.down.append(
                        build_down(plan, dim, channels, halved(encoder_sizes[level - 1], level))
                    )
                self.encoder.append(
                    build_level(plan, dim, channels, width, level, encoder_sizes[level])
                )
            channels = width
        for level in reversed(range(plan.depth)):
            width, joined = widths[level], widths[level] * (2 if plan.skip == "concat" else 1)
            with named(f"level {level} of the decoder", REMEDY):
                self.up.append(
                    build_up(
                        plan, dim, widths[level + 1], width, decoder_sizes[plan.depth - 1 - level]
                    )
                )
                self.decoder.append(
                    build_level(
                        plan, dim, joined, width, level, decoder_sizes[plan.depth - 1 - level]
                    )
                )
        self.head = conv(dim, widths[0], num_classes, 1)
        initialise(self, plan.init)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch at every position."""
        spatial = x.shape[2:]
        if self.options.padding == "same":
            x = fill_up(x, FACTOR**self.options.depth)
        skips = []
        for level, encode in enumerate(self.encoder):
            x = encode(x)
            if level < self.options.depth:
                skips.append(x)
                x = self.down[level](x)
        for up, decode in zip(self.up, self.decoder, strict=True):
            x = decode(self.join(up(x), skips.pop()))
        logits: Tensor = self.head(x)
        return cut_back(logits, spatial) if self.options.padding == "same" else logits

    def join(self, x: Tensor, skipped: Tensor) -> Tensor:
        """Return the decoder's feature maps with the encoder's, cropped around their centre where
        they are larger.
        """
        match self.options.skip:
            case "none":
                return x
            case "add":
                return x + center_crop_or_pad(skipped, x.shape[2:])
            case "concat":
                return torch.cat([center_crop_or_pad(skipped, x.shape[2:]), x], dim=1)


def build_level(
    plan: UNetOptions, dim: int, in_channels: int, width: int, level: int, spatial: Sequence[int]
) -> nn.Module:
    """Return the convolutions of one level; `spatial` is the shape after them."""
    num_convs = plan.at("num_convs", level)
    residual = plan.block == "residual"
    layers: list[nn.Module] = []
    for index in range(num_convs):
        activated = plan.activation if not (residual and index == num_convs - 1) else "none"
        layers.append(
            plan_unit(
                plan,
                dim,
                in_channels if index == 0 else width,
                width,
                spatial,
                plan.kernel_size,
                activated,
            )
        )
    body: nn.Module = nn.Sequential(*layers)
    if residual:
        shortcut = (
            nn.Identity()
            if in_channels == width
            else plan_unit(plan, dim, in_channels, width, spatial, 1, "none")
        )
        body = SkipBlock(body, shortcut, activation(plan.activation), concat=False)
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
    """Return a convolution unit with the net's normalisation, and its borders where no others are
    asked for.
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
    plan: UNetOptions, dim: int, in_channels: int, width: int, spatial: Sequence[int]
) -> nn.Module:
    """Return the step to twice the resolution, from a level's channels to those of the level
    above.
    """
    if plan.upsample == "transposed":
        return CONV_TRANSPOSE[dim](in_channels, width, FACTOR, stride=FACTOR)
    mode = "nearest" if plan.upsample == "nearest" else LINEAR_UPSAMPLE[dim]
    enlarge = nn.Upsample(
        scale_factor=FACTOR, mode=mode, align_corners=None if mode == "nearest" else False
    )
    smooth = plan_unit(
        plan, dim, in_channels, width, spatial, plan.kernel_size, plan.activation, padding="same"
    )
    return nn.Sequential(enlarge, smooth)


def fill_up(x: Tensor, multiple: int) -> Tensor:
    """Add zeros around `x` (N, C, *) until every axis is a multiple."""
    return center_crop_or_pad(
        x, [-(-positions // multiple) * multiple for positions in x.shape[2:]]
    )


def cut_back(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo `fill_up`: crop `x` to the shape it was made from."""
    return center_crop_or_pad(x, spatial)
