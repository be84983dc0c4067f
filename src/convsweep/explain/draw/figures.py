"""Figures of a network by name."""

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import nn

from convsweep.cost import measure
from convsweep.errors import UserError
from convsweep.explain.draw.feature_maps import draw_maps, of_positions
from convsweep.explain.draw.field import draw_field
from convsweep.explain.draw.filters import draw_filters
from convsweep.explain.draw.layers import Ran, choose_layer, run_layers, with_matrix
from convsweep.explain.draw.matrix import draw_matrix
from convsweep.explain.draw.shift import draw_shift, shift_gaps
from convsweep.explain.draw.subject import DrawSubject
from convsweep.linear_map import linear_map
from convsweep.linear_map.layers import split_pad
from convsweep.nets.geometry import shape_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Samples over which the error of a shift is averaged.
NUM_SHIFTED = 32
# Largest number of non-zeros in a matrix; for larger layers a smaller input is drawn.
MOST_PLACES = 20_000_000
# Values of feature maps in memory at a time.
MOST_VALUES = 100_000_000


class NothingToDrawError(UserError):
    """The network has no layer that the figure can show."""


def linear_layers(subject: DrawSubject) -> list[Ran]:
    """Return the linear layers, found by a forward pass of zeros.

    Raises:
        NothingToDrawError: there is none.
    """
    found = with_matrix(run_layers(subject.net, torch.zeros(1, *subject.in_shape)))
    if not found:
        raise NothingToDrawError(
            "a matrix belongs to a linear layer (a convolution, say), but the network has none"
        )
    return found


def matrix(subject: DrawSubject, layer: str | None) -> "Figure":
    """Draw the matrix of a layer, the first one by default."""
    found = choose_layer(linear_layers(subject), layer)
    shape = small_enough(found)
    on = (
        ""
        if shape == found.in_shape
        else f" on {shape_text(shape)} of {shape_text(found.in_shape)}"
    )
    return draw_matrix(
        linear_map(found.module, shape), f"{found.name}, {type(found.module).__name__}{on}"
    )


def small_enough(layer: Ran) -> tuple[int, ...]:
    """Return the shape of an input whose matrix can be drawn: the layer's own, with axes halved if
    it is too large.

    Raises:
        UserError: the layer has too many weights and does not take a smaller input.
    """
    weight = getattr(split_pad(layer.module, None)[1], "weight", None)
    channels, *size = layer.in_shape
    each = weight.numel() if isinstance(weight, torch.Tensor) else channels * 3 ** len(size)
    while (
        places := each * prod(layer.y.shape[2:]) * prod(size) // prod(layer.in_shape[1:])
    ) > MOST_PLACES:
        if max(size, default=1) == 1:
            rule = (
                f"a matrix to draw may have {MOST_PLACES:,} weights, but that of {layer.name} has"
                f" {places:,}"
            )
            raise UserError(f"{rule}; name another layer by --layer")
        size = [max(1, length // 2) for length in size]
    return (channels, *size)


def field(subject: DrawSubject, layer: str | None) -> "Figure":
    """Draw the receptive field, on a sample if the network is trained."""
    sample = subject.samples(1)[0] if subject.checkpoint is not None else None
    return draw_field(measure(subject.net, subject.in_shape), sample)


def filters(subject: DrawSubject, layer: str | None) -> "Figure":
    """Draw the filters of a convolution, the first one by default."""
    convolutions = [each for each in linear_layers(subject) if kernels(each.module) is not None]
    if not convolutions:
        raise NothingToDrawError(
            "filters need a convolution, but the network has none; leave `filters` out of --figures"
        )
    found = choose_layer(convolutions, layer)
    weight = kernels(found.module)
    assert weight is not None
    return draw_filters(weight, found.name)


def kernels(module: nn.Module) -> torch.Tensor | None:
    """Return the weights (out, in, *kernel) of a convolution, None for another layer."""
    weight = getattr(split_pad(module, None)[1], "weight", None)
    return weight.detach() if isinstance(weight, torch.Tensor) and weight.dim() > 2 else None


def maps(subject: DrawSubject, layer: str | None) -> "Figure":
    """Draw the feature maps of the first validation sample, of some layers or of those up to
    `layer`.
    """
    x = subject.samples(1)
    layers = of_positions(run_layers(subject.net, x), x.dim() - 2)
    if not layers:
        raise NothingToDrawError(
            "feature maps need layers that keep positions, but there is none; leave `maps` out of"
            " --figures"
        )
    if layer is not None:
        layers = layers[: layers.index(choose_layer(layers, layer)) + 1]
    return draw_maps(x[0], layers)


def shift(subject: DrawSubject, layer: str | None) -> "Figure":
    """Draw the deviation of each layer from shift equivariance, over some validation samples."""
    values = sum(prod(layer.out_shape) for layer in measure(subject.net, subject.in_shape).layers)
    found = shift_gaps(
        subject.net, subject.samples(min(NUM_SHIFTED, max(1, MOST_VALUES // values)))
    )
    if not found:
        raise NothingToDrawError(
            "a shift is measured on positions that see no border, but every layer's window reaches"
            " one; leave `shift` out of --figures, or take larger samples"
        )
    return draw_shift(found, subject.name)


FIGURES: dict[str, Callable[[DrawSubject, str | None], "Figure"]] = {
    "matrix": matrix,
    "field": field,
    "filters": filters,
    "maps": maps,
    "shift": shift,
}


def draw_figures(
    subject: DrawSubject,
    asked: Sequence[str] | None,
    layer: str | None,
    note: Callable[[str], None],
) -> dict[str, "Figure"]:
    """Return figures by name.

    Args:
        asked: names; None: all figures that the network has layers for, without those that need
            data if it is not trained.
        layer: name of the layer, for figures of one layer.
        note: called with a message for each figure that is left out.

    Raises:
        UserError: a requested figure cannot be drawn.
    """
    figures = {}
    for name in asked or (FIGURES if subject.checkpoint is not None else ("matrix", "field")):
        try:
            figures[name] = FIGURES[name](subject, layer)
        except NothingToDrawError as error:
            if asked:
                raise
            note(f"no {name}: {error}")
    return figures
