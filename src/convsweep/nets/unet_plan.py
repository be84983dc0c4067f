"""The space of `UNet`s: every option, without torch."""

from dataclasses import dataclass
from typing import Any, Literal

from convsweep.errors import UserError
from convsweep.nets.options import Activation, Each, Init, Norm, Skip, parse, value_at


@dataclass(frozen=True)
class UNetOptions:
    """The numbers of a `UNet`.

    depth: downsampling steps; there are depth + 1 levels. width: channels of the first level, grown
    by `width_growth` from level to level, or a list of depth + 1 widths. num_convs: convolutions a
    level, in the encoder and again in the decoder, or a list of depth + 1 numbers. kernel_size: of
    these convolutions. downsample: a `max` or `average` pool of window 2, or a convolution with
    `stride` 2. upsample: `transposed` convolution of kernel and stride 2, or `nearest`/`linear`
    interpolation and a convolution. skip: `concat` or `add` the encoder's feature maps to the
    decoder's, or `none`. block: `plain` levels, or `residual` ones whose input is added to their
    output. norm, norm_groups, activation: after each convolution. dropout: probability that a
    feature map is dropped after a level (Tompson et al. 2015). padding: `same` takes any input size
    and returns it; `valid` is the paper's: unpadded convolutions, cropped skips. init: `he` draws
    convolutions as He et al. 2015, `torch` leaves torch's own draw.
    """

    depth: int = 4
    width: Each[int] = 64
    width_growth: float = 2.0
    num_convs: Each[int] = 2
    kernel_size: int = 3
    downsample: Literal["max", "average", "stride"] = "max"
    upsample: Literal["transposed", "nearest", "linear"] = "transposed"
    skip: Skip = "concat"
    block: Literal["plain", "residual"] = "plain"
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


def plan_unet(**options: Any) -> UNetOptions:
    """Return the parsed options of a `UNet`.

    Raises:
        UserError: an unknown option, or a value outside its range.
    """
    plan = parse(UNetOptions, options, "net")
    for name in ("width", "num_convs"):
        value_at(name, getattr(plan, name), 0, plan.depth + 1, "depth + 1")
    if plan.padding == "valid" and plan.block == "residual":
        raise UserError(
            "net.block=residual adds a level's input to its output, which padding=valid makes"
            " smaller; use padding=same"
        )
    return plan
