"""UNet: an encoder, a decoder and the skips between them (Ronneberger et al. 2015), an output at
every position.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.nets.blocks import LINEAR_UPSAMPLE, center_crop_or_pad, conv, initialise
from convsweep.nets.geometry import check_in_shape, name_part
from convsweep.nets.num_params import with_num_params
from convsweep.nets.options import value_at
from convsweep.nets.unet_encoder import Encoder, convnet_encoder, own_encoder
from convsweep.nets.unet_gate import AttentionGate
from convsweep.nets.unet_levels import REMEDY, build_level, build_up
from convsweep.nets.unet_plan import UNetOptions, plan_unet


class UNet(nn.Module):
    """An encoder that lowers the resolution level by level, and a decoder that raises it again.

    Args:
        in_shape: (C, *spatial) of the input, 1 to 3 spatial axes.
        num_classes: channels to return at every position.
        options: every option of `unet_plan.UNetOptions`.

    Shape:
        (N, C, *spatial) to (N, num_classes, *spatial); under `padding: valid` to the smaller
        `out_spatial`. In training mode the outputs of `deep_supervision` lower levels, enlarged to
        the same size, follow as channels: (N, num_outputs * num_classes, *).

    Raises:
        UserError: an unknown option, or a value outside its range.
        InfeasibleError: a normalisation that is impossible at its level; under `valid`, an input
            that does not halve evenly or is too small; a layer of `encoder` that does not fit.
    """

    def __init__(self, in_shape: Sequence[int], num_classes: int, **options: Any) -> None:
        super().__init__()
        self.in_shape, self.num_classes = tuple(in_shape), num_classes
        plan = plan_unet(**options)
        check_in_shape(self.in_shape)
        self.build(with_num_params(plan, self, self.build))
        for name, part in self.named_children():
            of_convnet = plan.encoder is not None and name in ("encoder", "down")
            initialise(part, plan.encoder_plan.init if of_convnet else plan.init)

    def build(self, plan: UNetOptions) -> None:
        """Build encoder, decoder and head."""
        self.options = plan
        parts = (
            own_encoder(plan, self.in_shape)
            if plan.encoder is None
            else convnet_encoder(plan.encoder_plan, self.in_shape)
        )
        self.multiple = prod(parts.steps)
        self.out_spatial = self.in_shape[1:] if plan.padding == "same" else parts.risen[-1]
        # the encoder's level whose maps each level of the decoder takes
        self.joined = [None if plan.skip == "none" else level for _, level in parts.rises]
        self.encoder, self.down = nn.ModuleList(parts.levels), nn.ModuleList(parts.downs)
        self.up, self.decoder, self.gates = (nn.ModuleList() for _ in range(3))
        channels = self.build_decoder(parts)
        self.head = conv(len(self.in_shape) - 1, channels, self.num_classes, 1)
        self.lower_heads = self.build_lower_heads(parts)

    def build_decoder(self, parts: Encoder) -> int:
        """Build the decoder for an encoder and return its output channels."""
        plan, dim, rises = self.options, len(self.in_shape) - 1, parts.rises
        channels, widths = parts.shapes[-1][0], decoder_widths(plan, parts)
        _, depths = plan.depths(len(rises))
        for index, (step, source) in enumerate(rises):
            level = len(rises) - 1 - index
            width = widths[level]
            skipped = 0 if self.joined[index] is None else parts.shapes[source or 0][0]
            kept = plan.upsample.endswith("_only")
            risen = channels if kept else skipped if plan.skip == "add" and skipped else width
            entering = risen + (skipped if plan.skip == "concat" else 0)
            with name_part(f"level {level} of the decoder", REMEDY):
                spatial = parts.risen[index]
                self.up.append(build_up(plan, dim, channels, risen, step, spatial))
                if plan.attention == "gate":
                    self.gates.append(
                        AttentionGate(dim, skipped, channels, step) if skipped else nn.Identity()
                    )
                self.decoder.append(build_level(plan, dim, entering, width, spatial, depths[index]))
            channels = width
        return channels

    def build_lower_heads(self, parts: Encoder) -> nn.ModuleList:
        """Return the outputs of the decoder's levels below the first, from the top down.

        Raises:
            UserError: there are fewer levels.
        """
        deep, lower = self.options.deep_supervision, len(parts.rises) - 1
        count = 0 if deep == "none" else deep
        if count > lower:
            raise UserError(
                f"net.deep_supervision must be at most {lower}, the levels of the decoder below"
                f" the first, but is {count}; use {lower or 'none'}"
            )
        widths = decoder_widths(self.options, parts)
        steps = [step for step, _ in reversed(parts.rises)]
        heads = nn.ModuleList()
        for level in range(1, count + 1):
            output = conv(len(self.in_shape) - 1, widths[level], self.num_classes, 1)
            mode = LINEAR_UPSAMPLE[len(self.in_shape) - 1]
            heads.append(nn.Sequential(output, nn.Upsample(None, prod(steps[:level]), mode)))
        return heads

    @property
    def num_outputs(self) -> int:
        """Number of outputs, concatenated along the channels in training mode."""
        return 1 + len(self.lower_heads)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of a batch at every position."""
        spatial = x.shape[2:]
        if self.options.padding == "same":
            x = fill_up(x, self.multiple)
        skips: dict[int, Tensor] = {}
        for level, encode in enumerate(self.encoder):
            x = encode(x)
            if level in self.joined:
                skips[level] = x
            if level < len(self.down):
                x = self.down[level](x)
        lower: list[Tensor] = []
        first_lower = len(self.decoder) - self.num_outputs
        for index, (up, decode) in enumerate(zip(self.up, self.decoder, strict=True)):
            source = self.joined[index]
            x = decode(up(x) if source is None else self.join(index, x, skips.pop(source)))
            if self.training and first_lower <= index < len(self.decoder) - 1:
                lower.insert(0, x)
        logits: Tensor = self.head(x)
        if lower:
            logits = self.with_lower(logits, lower)
        return cut_back(logits, spatial) if self.options.padding == "same" else logits

    def with_lower(self, logits: Tensor, lower: Sequence[Tensor]) -> Tensor:
        """Return the logits followed by the lower levels' logits, from the top down, enlarged to
        the same size.
        """
        outputs = [head(maps) for head, maps in zip(self.lower_heads, lower, strict=True)]
        fitted = [center_crop_or_pad(output, logits.shape[2:]) for output in outputs]
        return torch.cat([logits, *fitted], dim=1)

    def join(self, index: int, x: Tensor, skipped: Tensor) -> Tensor:
        """Return the enlarged maps from below joined with the encoder's, which are cropped around
        their centre if they are larger.
        """
        risen = self.up[index](x)
        skipped = center_crop_or_pad(skipped, risen.shape[2:])
        if self.options.attention == "gate":
            skipped = self.gates[index](skipped, x)
        if self.options.skip == "add":
            summed: Tensor = risen + skipped
            return summed
        return torch.cat([skipped, risen], dim=1)

    def depth_parts(self) -> list[tuple[str, nn.Module]]:
        """Return the levels of the encoder and the decoder and the head, for fine-tuning."""
        downs, gates = [nn.Identity(), *self.down], self.gates or [nn.Identity()] * len(self.up)
        encoder = zip(downs, self.encoder, strict=True)
        decoder = zip(self.up, gates, self.decoder, strict=True)
        return [
            *((f"encoder {level}", nn.ModuleList(part)) for level, part in enumerate(encoder)),
            *((f"decoder {level}", nn.ModuleList(part)) for level, part in enumerate(decoder)),
            ("head", nn.ModuleList([self.head, self.lower_heads])),
        ]

    def encoder_in_order(self) -> nn.ModuleList:
        """Return the encoder's modules in the order of their execution."""
        pairs = zip(self.encoder, [*self.down, nn.Identity()], strict=True)
        return nn.ModuleList(module for pair in pairs for module in pair)


def decoder_widths(plan: UNetOptions, parts: Encoder) -> list[int]:
    """Return the channels of the decoder's levels, from the top down."""
    count, below, widths = len(parts.rises), parts.shapes[-1][0], list[int]()
    for index, (step, source) in enumerate(parts.rises):
        given = value_at(
            "decoder_width", plan.decoder_width, count - 1 - index, count, "decoder levels"
        )
        below = given or (max(1, below // step) if source is None else parts.shapes[source][0])
        widths.insert(0, below)
    return widths


def fill_up(x: Tensor, multiple: int) -> Tensor:
    """Pad `x` (N, C, *) with zeros until every axis is a multiple of `multiple`."""
    return center_crop_or_pad(
        x, [-(-positions // multiple) * multiple for positions in x.shape[2:]]
    )


def cut_back(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo `fill_up`: crop `x` to the shape before it."""
    return center_crop_or_pad(x, spatial)
