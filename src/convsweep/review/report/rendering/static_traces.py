"""Traces of a report's figures, drawn by matplotlib."""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

Axes = Any
Trace = dict[str, Any]

# Points a pixel.
POINTS = 0.75
MARKERS = {"x": "x", "star": "*"}
DASHES = {"dot": ":", "dash": "--"}


def draw_scatter(axes: Axes, trace: Trace) -> None:
    """Draw points, a line, or both; a line has gaps at missing values."""
    line, marker, mode = trace.get("line", {}), trace.get("marker", {}), trace["mode"]
    colour = line.get("color") or marker.get("color")
    symbol = MARKERS.get(marker.get("symbol", ""), "o")
    axes.plot(
        numbers(trace["x"]),
        numbers(trace["y"]),
        color=colour,
        alpha=marker.get("opacity", trace.get("opacity", 1.0)),
        linestyle=DASHES.get(line.get("dash", ""), "-") if "lines" in mode else "none",
        linewidth=POINTS * line.get("width", 2),
        drawstyle="steps-post" if line.get("shape") == "hv" else "default",
        solid_capstyle="butt",
        marker=symbol if "markers" in mode else "none",
        markersize=POINTS * marker.get("size", 6),
        markeredgewidth=1.0 if symbol == "x" else 0.0,
        label=trace["name"] if "name" in trace and trace.get("showlegend", True) else "_",
    )


def draw_bars(axes: Axes, trace: Trace) -> None:
    """Draw stacked horizontal bars with their texts at the ends."""
    starts = [
        sum(
            bar.get_width()
            for bar in axes.patches
            if bar.get_y() < place < bar.get_y() + bar.get_height()
        )
        for place in trace["y"]
    ]
    bars = axes.barh(
        trace["y"], trace["x"], left=starts, color=trace["marker"]["color"], height=0.7
    )
    if "text" in trace:
        axes.bar_label(bars, trace["text"], padding=3)


def draw_boxes(axes: Axes, trace: Trace) -> None:
    """Draw box plots with the values next to them."""
    place = len(axes.collections)
    colour = trace["marker"]["color"]
    style = {"color": colour}
    axes.boxplot(
        trace["y"],
        positions=[place],
        widths=0.5,
        tick_labels=[trace["name"]],
        showfliers=False,
        boxprops=style,
        whiskerprops=style,
        capprops=style,
        medianprops=style,
    )
    generator = random.Random(0)
    spread = [place + generator.uniform(-0.15, 0.15) for _ in trace["y"]]
    axes.scatter(spread, trace["y"], color=colour, alpha=0.4, s=6)


def draw_heatmap(axes: Axes, trace: Trace) -> None:
    """Draw a heat map of values with their texts; missing values stay empty."""
    values = [numbers(row) for row in trace["z"]]
    axes.pcolormesh(
        values,
        cmap=gradient(trace["colorscale"], trace["reversescale"]),
        vmin=trace.get("zmin"),
        vmax=trace.get("zmax"),
        edgecolor="white",
        linewidth=1.5,
    )
    for row, texts in enumerate(trace["text"]):
        for column, text in enumerate(texts):
            axes.text(
                column + 0.5,
                row + 0.5,
                text.replace("<br>", "\n"),
                ha="center",
                va="center",
                fontsize=6,
            )
    for axis, words in ((axes.xaxis, trace["x"]), (axes.yaxis, trace["y"])):
        axis.set_ticks(
            [index + 0.5 for index in range(len(words))],
            [word.replace("..", "..\n") for word in words],
            fontsize=6,
        )


def draw_parallel(axes: Axes, trace: Trace) -> None:
    """Draw parallel coordinates: one line a trial through its values on parallel axes of equal
    height.
    """
    from matplotlib.collections import LineCollection

    dimensions, line = trace["dimensions"], trace["line"]
    columns = [
        [place_on(dimension, value) for value in dimension["values"]] for dimension in dimensions
    ]
    lines = [list(enumerate(heights)) for heights in zip(*columns, strict=True)]
    drawn = LineCollection(
        lines, cmap=gradient(line["colorscale"], line["reversescale"]), linewidths=0.8, alpha=0.6
    )
    drawn.set_array(line["color"])
    drawn.set_clim(line.get("cmin"), line.get("cmax"))
    axes.add_collection(drawn)
    for column, dimension in enumerate(dimensions):
        axes.axvline(column, color="black", linewidth=0.8)
        for value, text in zip(dimension["tickvals"], dimension["ticktext"], strict=True):
            axes.text(column + 0.03, place_on(dimension, value), text, fontsize=6, va="center")
    axes.set(xlim=(-0.1, len(dimensions) - 0.7), ylim=(-0.03, 1.03), yticks=[])
    axes.set_xticks(
        range(len(dimensions)), [dimension["label"] for dimension in dimensions], rotation=12
    )
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)


def place_on(dimension: Trace, value: float) -> float:
    """Return the position of a value on its axis, 0 to 1."""
    low, high = dimension["range"]
    return float((value - low) / (high - low))


def gradient(colours: Sequence[tuple[float, str]], is_reversed: bool) -> Any:
    """Return a colour map with white for missing values."""
    from matplotlib.colors import LinearSegmentedColormap

    scale = LinearSegmentedColormap.from_list(
        "scale", [(place, colour) for place, colour in colours]
    )
    return scale.reversed() if is_reversed else scale


def numbers(values: Sequence[float | None]) -> list[float]:
    """Return values with NaN for missing ones."""
    return [math.nan if value is None else value for value in values]


TRACES: dict[str, Callable[[Axes, Trace], None]] = {
    "scatter": draw_scatter,
    "bar": draw_bars,
    "box": draw_boxes,
    "heatmap": draw_heatmap,
    "parcoords": draw_parallel,
}
