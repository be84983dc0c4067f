"""Interactions of two parameters: median score and number of trials for every pair of values."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Figure, Grid, Table, Text
from convsweep.review.report.rendering.phrases import number
from convsweep.review.report.rendering.scales import Bin, Scale, bins, scale_of
from convsweep.review.report.rendering.score_axis import shown_range
from convsweep.review.study import Sweep

# Number of intervals of a parameter with many values.
BINS = 4
# Number of most important parameters to pair.
PARAMETERS = 4


def interaction_blocks(sweep: Sweep, order: Sequence[str]) -> list[Block]:
    """Return a heat map for each pair of the first parameters of `order`."""
    scales = [scale_of(sweep, name) for name in order[:PARAMETERS]]
    figures = [
        figure
        for one, other in combinations(scales, 2)
        if (figure := pair_figure(sweep, one, other)) is not None
    ]
    if not figures:
        return []
    words = (
        "Each field is the median score of the complete trials with both values, and in brackets"
        " how many they are. Parameters interact where the best row changes from column to column;"
        " a field of one or two trials says little."
    )
    return [Text(words), Grid(figures)]


def pair_figure(sweep: Sweep, one: Scale, other: Scale) -> Figure | None:
    """Return the heat map of a pair, None if no trial has both."""
    both = [
        trial for trial in sweep.complete if one.name in trial.params and other.name in trial.params
    ]
    columns, rows = bins(one, both, BINS), bins(other, both, BINS)
    if not both:
        return None
    numbers = [{trial.number for trial in row.trials} for row in rows]
    cells = [
        [[trial for trial in column.trials if trial.number in own] for column in columns]
        for own in numbers
    ]
    scores = [
        [median(trial.values[0] for trial in cell) if cell else None for cell in line]
        for line in cells
    ]
    texts = [
        [
            f"{number(score, 3)}<br>({len(cell)})" if cell else ""
            for score, cell in zip(*pair, strict=True)
        ]
        for pair in zip(scores, cells, strict=True)
    ]
    named = [
        [row.label, *(text.replace("<br>", " ") for text in line)]
        for row, line in zip(rows, texts, strict=True)
    ]
    table = Table([f"{other.label} / {one.label}", *(column.label for column in columns)], named)
    shown = shown_range([trial.values[0] for trial in both], sweep.maximise[0])
    heat = {
        "type": "heatmap",
        "x": [column.label for column in columns],
        "y": [row.label for row in rows],
        "z": scores,
        "text": texts,
        "texttemplate": "%{text}",
        "textfont": {"size": 11, "color": "@ink"},
        "xgap": 2,
        "ygap": 2,
        "showscale": False,
        "colorscale": [[0, "@soft"], [1, "@heat"]],
        "reversescale": not sweep.maximise[0],
        "hoverongaps": False,
        "hovertemplate": f"{one.label} %{{x}}<br>{other.label} %{{y}}<br>%{{text}}<extra></extra>",
        **({} if shown is None else {"zmin": shown[0], "zmax": shown[1]}),
    }
    return Figure(
        f"{one.label} and {other.label}",
        [heat],
        heat_layout(one, other, columns),
        height=120 + 38 * len(rows),
        instead=table,
    )


def heat_layout(one: Scale, other: Scale, columns: Sequence[Bin]) -> dict[str, Any]:
    """Return the layout with one axis for each parameter."""
    return {
        "xaxis": {
            "type": "category",
            "title": {"text": one.label},
            "showgrid": False,
            "tickangle": 0,
            "tickvals": [column.label for column in columns],
            "ticktext": [column.label.replace("..", "..<br>") for column in columns],
        },
        "yaxis": {"type": "category", "title": {"text": other.label}, "showgrid": False},
        "margin": {"l": 56, "r": 8, "t": 6, "b": 44},
    }
