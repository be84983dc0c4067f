"""Growth of the receptive field: the input positions that the middle position of each layer depends
on.
"""

from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from convsweep.cost import Cost
from convsweep.explain.draw.planes import picture, show

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Seen(NamedTuple):
    """First and last input position that the middle position of a layer depends on, along each
    axis.
    """

    name: str
    spans: tuple[tuple[float, float], ...]


def fields(cost: Cost) -> list[Seen]:
    """Return the window of each layer's middle position, for layers with a kernel or stride."""
    found = []
    for layer in cost.layers:
        field = layer.receptive_field
        if not layer.looks or field is None or len(layer.out_shape) != len(cost.in_shape):
            continue
        spans = []
        for out, size, jump, start in zip(
            layer.out_shape[1:], field.size, field.jump, field.start, strict=True
        ):
            low = float(start + jump * (out // 2))
            spans.append((low, low + size - 1))
        found.append(Seen(layer.name, tuple(spans)))
    return found


def draw_field(cost: Cost, sample: Tensor | None) -> "Figure":
    """Return a figure of the windows: on a sample (C, *spatial) with at least two axes, and as bars
    along the last axis.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    dim = len(cost.in_shape) - 1
    seen = fields(cost) or [
        Seen("every layer: everything", tuple((0, size - 1) for size in cost.in_shape[1:]))
    ]
    colours = colormaps["viridis"]([index / max(len(seen) - 1, 1) for index in range(len(seen))])
    on_sample = sample is not None and dim > 1
    figure = Figure(
        figsize=(10 if on_sample else 6.5, max(3.0, 0.22 * len(seen) + 1.2)), layout="constrained"
    )
    panels = figure.subplots(1, 2 if on_sample else 1, squeeze=False)[0]
    if sample is not None and on_sample:
        show(panels[0], picture(sample))
        for window, colour in zip(seen, colours, strict=True):
            (top, bottom), (left, right) = window.spans[-2:]
            corner = (left - 0.5, top - 0.5)
            panels[0].add_patch(
                Rectangle(
                    corner,
                    right - left + 1,
                    bottom - top + 1,
                    fill=False,
                    edgecolor=colour,
                    linewidth=1.5,
                )
            )
        panels[0].set_title("what the middle position of each layer sees")
    bars, size = panels[-1], cost.in_shape[-1]
    for row, (window, colour) in enumerate(zip(seen, colours, strict=True)):
        low, high = window.spans[-1]
        text = "white" if row < len(seen) / 2 else "black"
        bars.barh(row, high - low + 1, left=low - 0.5, color=colour)
        bars.text(
            (low + high) / 2,
            row,
            f"{high - low + 1:.0f}",
            ha="center",
            va="center",
            fontsize=7,
            color=text,
        )
    bars.axvspan(-0.5, size - 0.5, color="0.92", zorder=0)
    bars.set_yticks(range(len(seen)), [window.name for window in seen], fontsize=7)
    bars.invert_yaxis()
    lows, highs = zip(*(window.spans[-1] for window in seen), strict=True)
    bars.set_xlim(min(0, *lows) - 1, max(size - 1, *highs) + 1)
    bars.set(
        xlabel="input position along the last axis (grey: inside)",
        title=f"{cost.net}: width of the receptive field",
    )
    return figure
