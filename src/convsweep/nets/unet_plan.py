"""The options of a `UNet`, without torch."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from convsweep.errors import UserError
from convsweep.nets.convnet_plan import ConvNetPlan, plan_convnet, rising_numbers
from convsweep.nets.options import (
    Activation,
    Each,
    Init,
    Norm,
    Skip,
    group,
    parse,
    scale_width,
    value_at,
)

CONVNETS = ("convsweep.nets.ConvNet", "convsweep.nets.convnet.ConvNet")
# Keys of a preset of a `ConvNet` that are not options of its encoder.
NOT_OPTIONS = ("_target_", "in_shape", "num_classes")
# Options that have no meaning if `encoder` is a `ConvNet`.
OF_OWN_ENCODER = ("depth", "width", "width_growth", "downsample")


@dataclass(frozen=True)
class UNetOptions:
    """Options of a `UNet`.

    num_params: multiply all widths, also the encoder's, by one factor, the largest with which the
        network has at most so many parameters; null: keep them.
    encoder: null, or the options of a `ConvNet` whose stem and stages, without its head, are the
        encoder; then depth, width, width_growth and downsample are its own, and the other options
        are the decoder's. depth: downsampling steps; there are depth + 1 levels. width: channels of
        the first level, grown by `width_growth` from level to level, or a list of depth + 1 widths.
    decoder_width: channels of the decoder's levels, one number or a list from the top down; null:
        as many as the encoder's maps that are joined, or half of the level below where none are.
    num_convs: convolutions a level, in the encoder and again in the decoder, or a list of depth + 1
        numbers; under `block: convnext` blocks a level; with an `encoder` only in the decoder.
    kernel_size: of these convolutions. downsample: a `max` or `average` pool of window 2, or a
        convolution with `stride` 2.
    upsample: `transposed` convolution of kernel and stride 2, or `nearest`/`linear` interpolation
        and a convolution; `nearest_only`/`linear_only` leave out the convolution.
    skip: `concat` or `add` the encoder's feature maps to the decoder's, or `none`.
    attention: `gate` multiplies each position of the encoder's maps by a factor, computed from them
        and the decoder's maps below (Oktay et al. 2018).
    block: `plain` levels; `residual` levels, whose input is added to their output; `convnext`
        blocks (Liu et al. 2022), after a 1x1 convolution where the channels change.
    layer_scale, stochastic_depth: of the blocks of `block: convnext`, as those of a `Stage`; the
        probability rises from the network's first block to its last.
    deep_supervision: levels of the decoder below the first that have an output of their own, which
        counts in the loss while training (Lee et al. 2015), or `none`.
    norm, norm_groups, activation: after each convolution. dropout: probability that a feature map
        is dropped after a level (Tompson et al. 2015). padding: `same` takes any input size and
        returns it; `valid` is the paper's: unpadded convolutions, cropped skips. init: `he` draws
        convolutions as He et al. 2015, `torch` keeps torch's default initialisation.
    """

    num_params: int | None = None
    encoder: Mapping[str, Any] | ConvNetPlan | None = None
    depth: int = 4
    width: Each[int] = 64
    width_growth: float = 2.0
    decoder_width: Each[int] | None = None
    num_convs: Each[int] = 2
    kernel_size: int = 3
    downsample: Literal["max", "average", "stride"] = "max"
    upsample: Literal["transposed", "nearest", "linear", "nearest_only", "linear_only"] = (
        "transposed"
    )
    skip: Skip = "concat"
    attention: Literal["none", "gate"] = "none"
    block: Literal["plain", "residual", "convnext"] = "plain"
    layer_scale: float | None = None
    stochastic_depth: float = 0.0
    deep_supervision: Literal["none"] | int = "none"
    norm: Norm = "batch"
    norm_groups: int = 8
    activation: Activation = "relu"
    dropout: float = 0.0
    padding: Literal["same", "valid"] = "same"
    init: Init = "he"

    @property
    def widths(self) -> list[int]:
        """Channels of each level, from the top down."""
        return [self.at("width", level) for level in range(self.depth + 1)]

    def at(self, name: Literal["width", "num_convs"], level: int) -> int:
        """Return the width or the number of convolutions of a level, 0 at the top."""
        value = getattr(self, name)
        if name == "width" and isinstance(value, int):
            return max(1, round(value * self.width_growth**level))
        number = value_at(name, value, level, self.depth + 1, "depth + 1")
        assert isinstance(number, int)
        return number

    def decoder_convs(self, level: int, count: int) -> int:
        """Return the convolutions of a level of the decoder, 0 at the top, of `count` levels."""
        if self.encoder is None:
            return self.at("num_convs", level)
        number = value_at("num_convs", self.num_convs, level, count, "decoder levels")
        assert isinstance(number, int)
        return number

    def depths(self, decoder_levels: int) -> tuple[list[list[float]], list[list[float]]]:
        """Return the relative depth of each block, 0 for the network's first and 1 for its last: of
        the own encoder's levels from the top down, and of the decoder's from the bottom up.
        """
        own = [] if self.encoder is not None else range(self.depth + 1)
        encoder = [self.at("num_convs", level) for level in own]
        decoder = [
            self.decoder_convs(level, decoder_levels) for level in reversed(range(decoder_levels))
        ]
        numbers = rising_numbers([*encoder, *decoder])
        return numbers[: len(encoder)], numbers[len(encoder) :]

    @property
    def encoder_plan(self) -> ConvNetPlan:
        """The parsed options of the encoder.

        Raises:
            UserError: an unknown option, or a value outside its range.
        """
        assert self.encoder is not None
        if isinstance(self.encoder, ConvNetPlan):
            return self.encoder
        with of_encoder():
            return plan_convnet(**self.encoder)

    def scale(self, factor: float) -> "UNetOptions":
        """Return the options with all widths multiplied by `factor`, each a multiple of the groups
        of a normalisation.
        """
        multiple = self.norm_groups if self.norm == "group" else 1

        def scale(width: int) -> int:
            return scale_width(width, factor, multiple)

        decoder = self.decoder_width
        return replace(
            self,
            encoder=None if self.encoder is None else self.encoder_plan.scale(factor, multiple),
            width=self.width if self.encoder is not None else [*map(scale, self.widths)],
            decoder_width=[*map(scale, decoder)]
            if isinstance(decoder, Sequence)
            else scale_width(decoder, factor, multiple),
        )


@contextmanager
def of_encoder() -> Iterator[None]:
    """Rename the keys of `net` in an error message to keys of `net.encoder`."""
    try:
        yield
    except UserError as error:
        raise type(error)(re.sub(r"\bnet\b(?=[. ])", "net.encoder", str(error))) from None


def plan_unet(**options: Any) -> UNetOptions:
    """Return the parsed options of a `UNet`.

    Raises:
        UserError: an unknown option, or a value outside its range.
    """
    encoder = options.pop("encoder", None)
    plan = parse(UNetOptions, options, "net")
    if encoder is not None:
        plan = replace(plan, encoder=encoder_options(encoder))
        check_encoder(plan)
    else:
        for name in ("width", "num_convs"):
            value_at(name, getattr(plan, name), 0, plan.depth + 1, "depth + 1")
    if plan.padding == "valid" and plan.block != "plain":
        raise UserError(
            f"net.block={plan.block} adds a level's input to its output, which padding=valid makes"
            " smaller; use padding=same"
        )
    if plan.block != "convnext" and (plan.layer_scale is not None or plan.stochastic_depth):
        raise UserError(
            f"net.layer_scale={plan.layer_scale} and net.stochastic_depth={plan.stochastic_depth}"
            f" need block=convnext, but block={plan.block}; leave them at null and 0"
        )
    if plan.skip == "none" and plan.attention != "none":
        raise UserError(
            f"net.attention={plan.attention} needs maps of the encoder in the decoder, but"
            " skip=none; use skip=concat or add, or attention=none"
        )
    if plan.skip == "add" and plan.upsample.endswith("_only"):
        raise UserError(
            f"net.skip=add needs maps of equal channels, which upsample={plan.upsample} does not"
            f" give; use upsample={plan.upsample.removesuffix('_only')}, or skip=concat"
        )
    return plan


def encoder_options(encoder: Any) -> dict[str, Any]:
    """Return the options of the `ConvNet` that is the encoder, from a preset or a group of options.

    Raises:
        UserError: it is not a `ConvNet`.
    """
    given = group("net.encoder", encoder)
    target = given.get("_target_", CONVNETS[0])
    if target not in CONVNETS:
        raise UserError(
            f"net.encoder must be a ConvNet, but is {target}; name a preset of one, such as"
            " +model/net@model.net.encoder=resnet34"
        )
    return {str(name): value for name, value in given.items() if name not in NOT_OPTIONS}


def check_encoder(plan: UNetOptions) -> None:
    """Check the options of a network whose encoder is a `ConvNet`.

    Raises:
        UserError: an option has no meaning with such an encoder, or one of the encoder's is wrong.
    """
    if plan.encoder_plan.num_params is not None:
        raise UserError(
            f"net.encoder.num_params={plan.encoder_plan.num_params} has no meaning in a U-Net;"
            " leave it at null, or set net.num_params, of the whole network"
        )
    defaults = {field.name: field.default for field in fields(UNetOptions)}
    for name in OF_OWN_ENCODER:
        if getattr(plan, name) != defaults[name]:
            raise UserError(
                f"net.{name}={getattr(plan, name)} has no meaning where net.encoder is given; leave"
                f" it at {defaults[name]}, or set net.encoder.{name}"
                if name != "depth"
                else f"net.depth={plan.depth} has no meaning where net.encoder is given; leave it"
                f" at {defaults[name]}, or set net.encoder.num_stages"
            )
    if plan.padding == "valid":
        raise UserError("net.padding=valid needs net.encoder=null; use padding=same")
