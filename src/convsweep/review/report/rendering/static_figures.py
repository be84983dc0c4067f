"""Static versions of Plotly figures, drawn by matplotlib in the colours of the light theme."""

import io
import math
from collections.abc import Sequence
from typing import Any

from convsweep.review.report.rendering.blocks import Figure, Grid
from convsweep.review.report.rendering.palette import fill_in_colours, palette
from convsweep.review.report.rendering.static_traces import TRACES, Axes, Trace

# Plots in a row, width of the picture in inches, dots per inch.
COLUMNS, WIDTH, DPI = 3, 9.0, 110
# Pixels of a page's figure an inch.
PIXELS = 95
STYLE: Any = {
    "text.parse_math": False,
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "lines.markeredgewidth": 0,
    "legend.frameon": False,
    "legend.fontsize": 7,
}


def picture_of(block: Figure | Grid) -> bytes:
    """Return a figure, or a grid of small ones, as PNG."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure as Canvas

    figures = [block] if isinstance(block, Figure) else list(block.figures)
    columns = min(COLUMNS, len(figures))
    rows = math.ceil(len(figures) / columns)
    height = sum(
        max(map(inches, figures[row * columns : (row + 1) * columns])) for row in range(rows)
    )
    with rc_context(STYLE):
        canvas = Canvas(figsize=(WIDTH, height), layout="constrained")
        grid = list(canvas.subplots(rows, columns, squeeze=False).flat)
        for axes, figure in zip(grid, figures, strict=False):
            draw(axes, figure)
        for axes in grid[len(figures) :]:
            axes.remove()
        file = io.BytesIO()
        canvas.savefig(file, format="png", dpi=DPI)
    return file.getvalue()


def inches(figure: Figure) -> float:
    """Return the height of a figure in inches."""
    return figure.height / PIXELS + 0.25 * bool(figure.title) + 0.3 * bool(figure.key)


def draw(axes: Axes, figure: Figure) -> None:
    """Draw one figure."""
    data, layout = fill_in_colours(figure.data), fill_in_colours(figure.layout)
    for trace in data:
        categories(trace, layout)
    for trace in data:
        TRACES[trace["type"]](axes, trace)
    for line in layout.get("shapes", []):
        axes.axvline(line["x0"], color=line["line"]["color"], linestyle=":", linewidth=1)
    if data and data[0]["type"] != "parcoords":
        for name in "xy":
            set_axis(axes, name, layout.get(f"{name}axis", {}))
    if figure.title:
        axes.set_title(figure.title.replace("`", "").replace("**", ""), loc="left")
    legend(axes, figure, layout)


def categories(trace: Trace, layout: dict[str, Any]) -> None:
    """Replace categories by numbers along an axis, with the categories as tick labels."""
    for name in "xy":
        values = trace.get(name) or []
        if trace["type"] == "heatmap" or not any(isinstance(value, str) for value in values):
            continue
        axis = layout.setdefault(f"{name}axis", {})
        words: list[str] = axis.setdefault("categoryarray", [])
        words += [word for word in dict.fromkeys(values) if word is not None and word not in words]
        trace[name] = [None if value is None else float(words.index(value)) for value in values]
        axis |= {"tickvals": list(range(len(words))), "ticktext": words}


def set_axis(axes: Axes, name: str, wanted: dict[str, Any]) -> None:
    """Give an axis its title, scale, range and ticks."""
    axis = getattr(axes, f"{name}axis")
    if wanted.get("visible") is False:
        axis.set_visible(False)
        axes.spines["bottom" if name == "x" else "left"].set_visible(False)
    if wanted.get("type") == "log":
        set_logarithmic(axes, name)
    # a heat map has its own categories
    if "tickvals" in wanted and not isinstance(wanted["tickvals"][0], str):
        axis.set_ticks(wanted["tickvals"], wanted["ticktext"])
    if "range" in wanted:
        axes.set(**{f"{name}lim": wanted["range"]})
    axis.set_label_text(wanted.get("title", {}).get("text", ""))
    if wanted.get("showgrid", True):
        axis.grid(True, color=palette()["line"], linewidth=0.6)


def set_logarithmic(axes: Axes, name: str) -> None:
    """Set a log scale with plain numbers as tick labels."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    axis = getattr(axes, f"{name}axis")
    axes.set(**{f"{name}scale": "log"})
    low, high = axis.get_view_interval()
    axis.set_major_locator(
        LogLocator(
            subs=(1.0,) if high > 300 * low else (1.0, 3.0) if high > 10 * low else (1.0, 2.0, 5.0)
        )
    )
    axis.set_major_formatter(EngFormatter(sep="") if low >= 1 else "{x:g}")
    axis.set_minor_formatter(NullFormatter())


def legend(axes: Axes, figure: Figure, layout: dict[str, Any]) -> None:
    """Draw a legend from the figure's own key, or from the names of its traces."""
    from matplotlib.patches import Patch

    handles: Sequence[Any] = [
        Patch(color=fill_in_colours(colour), label=name) for name, colour in figure.key
    ]
    if not handles and layout.get("showlegend", True):
        handles = axes.get_legend_handles_labels()[0]
    if handles:
        place = (
            {"loc": "lower left", "bbox_to_anchor": (0, 1.0), "ncols": 6}
            if figure.key
            else {"loc": "best"}
        )
        axes.legend(handles=handles, **place)
