"""The encoders of a `UNet`: its own convolutions at several resolutions, or a `ConvNet`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import prod

from torch import nn

from convsweep.errors import InfeasibleError
from convsweep.nets.convnet import build_stages, build_stem
from convsweep.nets.convnet_plan import ConvNetPlan
from convsweep.nets.geometry import name_part, shape_text
from convsweep.nets.stage_layers import Shape, shape_after
from convsweep.nets.unet_levels import REMEDY, build_down, build_level
from convsweep.nets.unet_plan import UNetOptions, of_encoder
from convsweep.nets.unet_sizes import FACTOR, halve, level_sizes, rise


@dataclass
class Encoder:
    """The levels, from the resolution of the input down.

    levels: modules of each level, none if no layer works at its resolution.
    downs: the step from each level to the next.
    steps: factors by which they divide the resolution.
    shapes: (C, *spatial) after each level.
    risen: spatial shapes after the levels of the decoder, from the bottom up.
    """

    levels: list[nn.Module] = field(default_factory=list)
    downs: list[nn.Module] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    risen: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def rises(self) -> list[tuple[int, int | None]]:
        """Step of each level of the decoder, from the bottom up, and the level of the encoder whose
        maps it takes; None if the encoder skips that resolution, or has only the input there.
        """
        found: list[tuple[int, int | None]] = []
        for level in reversed(range(len(self.downs))):
            single = rise(self.steps[level])
            joined = level if level > 0 or any(True for _ in self.levels[0].children()) else None
            found += [(step, None) for step in single[:-1]] + [(single[-1], joined)]
        return found


def own_encoder(plan: UNetOptions, in_shape: Shape) -> Encoder:
    """Return levels of `num_convs` convolutions, each at half the resolution of the one before.

    Raises:
        InfeasibleError: a normalisation that is impossible at its level; under `valid`, an input
            that does not halve evenly or is too small.
    """
    sizes, risen = level_sizes(plan, in_shape[1:])
    encoder = Encoder(steps=[FACTOR] * plan.depth, risen=risen)
    dim, channels = len(in_shape) - 1, in_shape[0]
    depths, _ = plan.depths(plan.depth)
    for level, width in enumerate(plan.widths):
        with name_part(f"level {level} of the encoder", REMEDY):
            if level > 0:
                spatial = halve(sizes[level - 1], level)
                encoder.downs.append(build_down(plan, dim, channels, spatial))
            encoder.levels.append(
                build_level(plan, dim, channels, width, sizes[level], depths[level])
            )
        encoder.shapes.append((width, *sizes[level]))
        channels = width
    return encoder


def convnet_encoder(plan: ConvNetPlan, in_shape: Shape) -> Encoder:
    """Return stem and stages of a `ConvNet`, cut before each layer that lowers the resolution.

    Raises:
        InfeasibleError: a layer does not fit, or does not divide the resolution by a whole number.
    """
    multiple = total_step(plan)
    shape = (in_shape[0], *(-(-size // multiple) * multiple for size in in_shape[1:]))
    with of_encoder():
        stem = build_stem(plan, shape)
        stages = build_stages(plan, shape_after(stem, shape), shape)
    encoder, levels = Encoder(), [list[nn.Module]()]
    for module, after in chain(stem, *stages):
        step = step_between(shape, after)
        if step > 1:
            encoder.shapes.append(shape)
            encoder.steps.append(step)
            encoder.downs.append(module)
            levels.append([])
        else:
            levels[-1].append(module)
        shape = after
    if not encoder.downs:
        raise InfeasibleError(
            "net.encoder must lower the resolution once or more, but never does; give its stem or a"
            " stage a stride or a pool"
        )
    encoder.shapes.append(shape)
    encoder.levels = [nn.Sequential(*modules) for modules in levels]
    spatial = shape[1:]
    for step, _ in encoder.rises:
        spatial = tuple(step * size for size in spatial)
        encoder.risen.append(spatial)
    return encoder


def total_step(plan: ConvNetPlan) -> int:
    """Return the factor by which stem and stages divide the resolution."""
    stem = plan.stem
    return prod(
        [
            1 if stem.width is None else stem.stride,
            1 if stem.pool == "none" else stem.pool_stride,
            *(stage.stride for stage in plan.stages if stage.downsample != "none"),
        ]
    )


def step_between(before: Sequence[int], after: Sequence[int]) -> int:
    """Return the factor by which a layer divides the resolution of (C, *spatial).

    Raises:
        InfeasibleError: it is no whole number, or differs between the axes.
    """
    step = before[1] // after[1]
    if step < 1 or any(old != step * new for old, new in zip(before[1:], after[1:], strict=True)):
        raise InfeasibleError(
            "the layers of net.encoder must keep the resolution or divide it by a whole number, but"
            f" one makes {shape_text(after[1:])} of {shape_text(before[1:])}; use"
            " net.encoder.padding=same, and pool_padding where a pool's window is wider than its"
            " step"
        )
    return step
