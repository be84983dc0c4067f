"""Feature maps of a sample."""

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor, nn

from convsweep.explain.draw.layers import Ran
from convsweep.explain.draw.planes import picture, plane, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More would not be readable in one figure.
MAX_LAYERS, MAX_MAPS = 8, 8


def draw_maps(sample: Tensor, layers: list[Ran]) -> "Figure":
    """Return a figure with one row a layer: its first feature maps of a sample (C, *spatial), each
    with its own range of grey.
    """
    from matplotlib.figure import Figure

    chosen = [
        layers[index]
        for index in np.unique(
            np.linspace(0, len(layers) - 1, min(MAX_LAYERS, len(layers))).round().astype(int)
        )
    ]
    rows = len(chosen) + 1
    figure = Figure(figsize=(MAX_MAPS * 1.0, rows * 1.15))
    figure.subplots_adjust(left=0.02, right=0.98, bottom=0.01, top=0.97, wspace=0.08, hspace=0.3)
    grid = figure.subplots(rows, MAX_MAPS, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    show(grid[0, 0], picture(sample))
    grid[0, 0].set_title("input", fontsize=7, loc="left")
    for row, layer in zip(grid[1:], chosen, strict=True):
        for axes, values in zip(row, layer.y[0], strict=False):
            show(axes, plane(values))
        row[0].set_title(
            f"{layer.name}, {type(layer.module).__name__}: {tuple(layer.y.shape[1:])}",
            fontsize=7,
            loc="left",
        )
    return figure


def of_positions(layers: list[Ran], dim: int) -> list[Ran]:
    """Return the layers without submodules, other than identities, whose output has more than one
    position.
    """
    return [
        layer
        for layer in layers
        if not isinstance(layer.module, nn.Sequential | nn.Identity)
        and not list(layer.module.children())
        and layer.y.dim() == dim + 2
        and max(layer.y.shape[2:]) > 1
    ]
