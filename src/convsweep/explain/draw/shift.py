"""Deviation of layers from shift equivariance."""

from math import ceil, floor
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor, nn

from convsweep.cost import Layer, measure
from convsweep.explain.draw.layers import run_layers

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# In positions of the input.
MAX_SHIFT = 8


class Gaps(NamedTuple):
    """Deviation of a layer from shift equivariance, for shifts from 0; `jump` is its stride in
    input positions.
    """

    name: str
    jump: int
    gaps: tuple[float, ...]


def shift_gaps(net: nn.Module, x: Tensor) -> list[Gaps]:
    """Return the gaps of every layer with a receptive field and positions whose window lies inside
    of the input.

    The gap of a layer f at a shift T is |f(T x) - T' f(x)| / |f(x)|, minimised over integer shifts
    T' of its output: 0 if f commutes with shifts, about 1.4 if the two are uncorrelated. Positions
    whose window touches a border or shifted-in values are left out.

    Args:
        x: normalised samples (N, C, *spatial), which are shifted along the last axis.
    """
    cost = measure(net, x.shape[1:])
    looking = {layer.name: layer for layer in cost.layers if layer.looks and is_map(layer, x.dim())}
    before = {layer.name: layer.y for layer in run_layers(net, x) if layer.name in looking}
    gaps: dict[str, list[float]] = {name: [] for name in before}
    for shift in range(MAX_SHIFT + 1):
        after = {
            layer.name: layer.y
            for layer in run_layers(net, x.roll(shift, dims=-1))
            if layer.name in before
        }
        for name, y in before.items():
            gaps[name].append(gap(y, after[name], looking[name], shift, x.shape[-1]))
    jumps = {
        name: layer.receptive_field.jump[-1]
        for name, layer in looking.items()
        if layer.receptive_field is not None
    }
    return [
        Gaps(name, int(jumps[name]), tuple(each))
        for name, each in gaps.items()
        if all(one == one for one in each)
    ]


def is_map(layer: Layer, num_axes: int) -> bool:
    """Return whether the positions of a layer see windows of the input at integer strides."""
    field = layer.receptive_field
    has_map = field is not None and len(layer.out_shape) + 1 == num_axes and not field.everything
    return has_map and field is not None and field.jump[-1].denominator == 1


def gap(before: Tensor, after: Tensor, layer: Layer, shift: int, size: int) -> float:
    """Return the gap of one layer at one shift, NaN if every window touches a border."""
    field = layer.receptive_field
    assert field is not None
    jump, start, width = int(field.jump[-1]), field.start[-1], field.size[-1]
    low = start + jump * torch.arange(before.shape[-1])
    best = float("nan")
    for moved in {floor(shift / jump), ceil(shift / jump)}:
        inside = (
            (low >= 0)
            & (low + width <= size)
            & (low + moved * jump >= shift)
            & (low + moved * jump + width <= size)
        )
        places = inside.nonzero().flatten()
        if len(places) == 0 or int(places.max()) + moved >= before.shape[-1]:
            continue
        stayed, went = before[..., places], after[..., places + moved]
        distance = float((went - stayed).norm() / stayed.norm().clamp_min(1e-12))
        best = distance if best != best else min(best, distance)
    return best


def draw_shift(found: list[Gaps], name: str) -> "Figure":
    """Return a figure of the gaps: one line a layer, coloured by its stride."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 3.6), layout="constrained")
    axes = figure.subplots()
    steps = sorted({each.jump for each in found})
    for each in found:
        colour = colormaps["viridis"](steps.index(each.jump) / max(len(steps), 1))
        axes.plot(
            each.gaps,
            marker="o",
            markersize=3,
            color=colour,
            label=f"{each.name}, step {each.jump}: {each.gaps[1]:.2f} at 1",
        )
    axes.set(
        xlabel="shift of the input, positions",
        ylabel="|f(Tx) - Tf(x)| / |f(x)|, off the borders",
        title=f"{name}: how far each layer is from shifting with its input",
    )
    figure.legend(loc="outside right upper", fontsize=7)
    return figure
