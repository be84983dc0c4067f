"""Filters of a convolution."""

import math
from typing import TYPE_CHECKING

from torch import Tensor

from convsweep.explain.draw.planes import picture, plane, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More would not be readable in one figure.
MAX_FILTERS = 64


def draw_filters(weight: Tensor, name: str) -> "Figure":
    """Return a grid of kernels (out, in, *kernel): in colour if they have three input channels,
    else the first channel.
    """
    from matplotlib.figure import Figure

    shown = weight[:MAX_FILTERS]
    columns = min(len(shown), 8)
    rows = math.ceil(len(shown) / columns)
    figure = Figure(figsize=(columns * 0.9, rows * 0.9 + 0.5))
    figure.subplots_adjust(
        left=0.02,
        right=0.98,
        bottom=0.02,
        top=1 - 0.45 / (rows * 0.9 + 0.5),
        wspace=0.1,
        hspace=0.1,
    )
    limit = float(shown.abs().max()) or 1.0
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(shown) :]:
        axes.axis("off")
    in_colour = weight.shape[1] == 3 and weight.dim() == 4
    for axes, kernel in zip(grid.flat, shown, strict=False):
        if in_colour:
            show(axes, picture(kernel))
        else:
            show(axes, plane(kernel[0]), limit, cmap="RdBu")
    which = "" if in_colour or weight.shape[1] == 1 else ", their first input channel"
    figure.suptitle(f"{name}: {len(shown)} of {len(weight)} filters{which}", fontsize=9)
    return figure
