"""The resolutions of a `UNet`'s levels, and the input sizes that fit without padding, without
torch.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from convsweep.errors import InfeasibleError
from convsweep.nets.geometry import output_size, shape_text
from convsweep.nets.unet_plan import UNetOptions

# Ratio of resolutions between neighbouring levels.
FACTOR = 2


Shapes = list[tuple[int, ...]]


def level_sizes(plan: UNetOptions, spatial: Sequence[int]) -> tuple[Shapes, Shapes]:
    """Return the spatial shapes after the encoder's levels (from the top) and the decoder's (from
    the bottom).

    Raises:
        InfeasibleError: under `padding: valid`, a level that does not halve evenly or a convolution
            that does not fit.
    """
    size = tuple(spatial)
    if plan.padding == "same":
        multiple = FACTOR**plan.depth
        size = tuple(-(-positions // multiple) * multiple for positions in size)
    try:
        return walk(plan, size)
    except InfeasibleError as error:
        fitting = " or ".join(shape_text(shape) for shape in fitting_shapes(plan, spatial))
        raise InfeasibleError(
            f"a UNet with padding=valid and depth={plan.depth} cannot take {shape_text(spatial)}:"
            f" {error}; use an input of {fitting}, or padding=same, which takes any size"
        ) from None


def walk(plan: UNetOptions, size: tuple[int, ...]) -> tuple[Shapes, Shapes]:
    """Return the spatial shapes after each level of the encoder and of the decoder for inputs of
    `size`.
    """
    encoder: Shapes = []
    decoder: Shapes = []
    for level in range(plan.depth + 1):
        size = convolve_size(plan, halve(size, level) if level else size, level)
        encoder.append(size)
    for level in reversed(range(plan.depth)):
        size = convolve_size(plan, tuple(FACTOR * positions for positions in size), level)
        decoder.append(size)
    return encoder, decoder


def halve(size: tuple[int, ...], level: int) -> tuple[int, ...]:
    """Return half the positions of every axis.

    Raises:
        InfeasibleError: an axis has an odd number of positions.
    """
    if any(positions % FACTOR for positions in size):
        raise InfeasibleError(
            f"level {level} must halve an even number of positions, but gets {shape_text(size)}"
        )
    return tuple(positions // FACTOR for positions in size)


def convolve_size(plan: UNetOptions, size: tuple[int, ...], level: int) -> tuple[int, ...]:
    """Return the spatial shape after the convolutions of a level."""
    what = f"level {level}: a convolution with kernel_size={plan.kernel_size}"
    for _ in range(plan.at("num_convs", level)):
        size = output_size(size, plan.kernel_size, 1, plan.padding, what=what)
    return size


def rise(step: int) -> list[int]:
    """Return the steps of the decoder for one step of the encoder: several of 2 for a power of two,
    else the same step.
    """
    power = step.bit_length() - 1
    return [FACTOR] * power if step == FACTOR**power else [step]


def fitting_shapes(plan: UNetOptions, spatial: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the nearest smaller and larger shapes that a `padding: valid` network takes."""
    below = [size for positions in spatial if (size := fitting_size(plan, positions, -1))]
    above = [size for positions in spatial if (size := fitting_size(plan, positions, +1))]
    return [tuple(sizes) for sizes in (below, above) if len(sizes) == len(spatial)]


def fitting_size(plan: UNetOptions, positions: int, step: Literal[-1, 1]) -> int | None:
    """Return the nearest number of positions, looking down or up, that every level takes; None if
    there is none.
    """
    reach = (
        2 ** (plan.depth + 2)
        * plan.kernel_size
        * max(plan.at("num_convs", level) for level in range(plan.depth + 1))
    )
    for candidate in range(
        positions, max(0, positions - reach) if step < 0 else positions + reach, step
    ):
        with suppress(InfeasibleError):
            walk(plan, (candidate,))
            return candidate
    return None
