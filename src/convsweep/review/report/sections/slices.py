"""Slices: score against the values of one parameter, over all values of the others."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Grid, Table, Text
from convsweep.review.report.rendering.phrases import hover, number, value_text
from convsweep.review.report.rendering.scales import Scale, bins, scale_of
from convsweep.review.report.rendering.score_axis import ScoreAxis, score_axis
from convsweep.review.report.rendering.thinning import thin_out, thinning_note
from convsweep.review.study import Sweep
from hydra_study import kind_of

# Largest number of trials in a slice.
MOST = 400
FIGURES = 16


def slice_blocks(sweep: Sweep, order: Sequence[str]) -> list[Block]:
    """Return a small figure for each parameter of `order`."""
    drawn = thin_out(sweep.ranked, MOST)
    axis = replace(score_axis(sweep), title="")
    words = (
        "A point is a complete trial, the bar a median, the star the best trial. Other parameters"
        " vary too, so a difference may be due to them."
    )
    words += axis.remark + thinning_note(len(drawn), len(sweep.complete))
    return [
        Text(words),
        Grid([slice_figure(sweep, scale_of(sweep, name), drawn, axis) for name in order[:FIGURES]]),
    ]


def slice_figure(
    sweep: Sweep, scale: Scale, drawn: Sequence[FrozenTrial], scores: ScoreAxis
) -> Figure:
    """Return the score against one parameter."""
    parts = bins(scale, sweep.complete)
    half = (
        0.3 if scale.groups is not None else 0.35 * _least_distance([part.place for part in parts])
    )
    medians: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "x": [],
        "y": [],
        "line": {"color": "@warm", "width": 3},
    }
    for part in parts:
        middle = median(trial.values[0] for trial in part.trials)
        medians["x"] += [
            scale.coordinate(part.place - half),
            scale.coordinate(part.place + half),
            None,
        ]
        medians["y"] += [middle, middle, None]
    medians |= {"hoverinfo": "skip"}
    best = sweep.best.number if sweep.best is not None else None  # drawn as a star instead
    own = [trial for trial in drawn if scale.name in trial.params and trial.number != best]
    data = [points(sweep, scale, own), medians]
    if sweep.best is not None and scale.name in sweep.best.params:
        data.append(star(sweep, scale, sweep.best))
    rows = [
        [
            part.label,
            len(part.trials),
            _pruned_text(sweep, scale, part.label),
            *_of_scores(sweep, part.trials),
        ]
        for part in parts
    ]
    return Figure(
        scale.label,
        data,
        {
            "xaxis": axis(scale),
            "yaxis": scores.layout,
            "showlegend": False,
            "margin": {"l": 44, "r": 8, "t": 6, "b": 30},
        },
        height=210,
        instead=Table([scale.label, "complete", "pruned", "median", "best"], rows),
    )


def axis(scale: Scale) -> dict[str, Any]:
    """Return the axis of a parameter."""
    if scale.groups is None:
        return (
            {"type": "log", "tickmode": "auto", "nticks": 5, "exponentformat": "power"}
            if scale.log
            else {}
        )
    places = list(range(len(scale.groups)))
    texts = [value_text(value) for value in scale.groups]
    return {
        "tickvals": places,
        "ticktext": texts,
        "range": [-0.6, len(places) - 0.4],
        "showgrid": False,
        "zeroline": False,
    }


def points(sweep: Sweep, scale: Scale, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Return the trials as points, those of a group side by side."""
    generator = random.Random(0)
    apart = 0.22 if scale.groups is not None else 0.0
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [
            scale.coordinate(
                scale.place(trial.params[scale.name]) + apart * generator.uniform(-1, 1)
            )
            for trial in trials
        ],
        "y": [trial.values[0] for trial in trials],
        "text": [hover(sweep, trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": "@accent", "opacity": 0.55, "size": 6},
    }


def star(sweep: Sweep, scale: Scale, best: FrozenTrial) -> dict[str, Any]:
    """Return the best trial's mark."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [scale.coordinate(scale.place(best.params[scale.name]))],
        "y": [best.values[0]],
        "text": [hover(sweep, best)],
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": "@good", "symbol": "star", "size": 13},
    }


def _least_distance(places: Sequence[float]) -> float:
    ordered = sorted(places)
    return min((after - before for before, after in pairwise(ordered)), default=1.0)


def _pruned_text(sweep: Sweep, scale: Scale, label: str) -> int | None:
    """Return the number of pruned trials of a group; None for intervals, which cover complete
    trials only.
    """
    if scale.groups is None:
        return None
    return sum(
        scale.name in trial.params and value_text(trial.params[scale.name]) == label
        for trial in sweep.trials
        if kind_of(trial) == "pruned"
    )


def _of_scores(sweep: Sweep, trials: Sequence[FrozenTrial]) -> list[str]:
    scores = [trial.values[0] for trial in trials]
    return [number(median(scores)), number(max(scores) if sweep.maximise[0] else min(scores))]
