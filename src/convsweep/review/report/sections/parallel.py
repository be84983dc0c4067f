"""Parallel coordinates: one line a trial through its parameters to its score, with selection by
dragging along an axis.
"""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure
from convsweep.review.report.rendering.phrases import value_text
from convsweep.review.report.rendering.scales import Scale, scale_of
from convsweep.review.report.rendering.score_axis import shown_range
from convsweep.review.report.rendering.thinning import thin_out, thinning_note
from convsweep.review.study import Sweep

# Trials in the figure.
MOST = 1000
# More would not be readable.
AXES = 10
# In pixels.
AXIS_WIDTH = 92
# Colours from the worst to the best score.
COLOURS = [[0, "@faint"], [0.6, "@accent"], [1, "@good"]]
ABSENT = "absent"


def parallel_blocks(sweep: Sweep, order: Sequence[str]) -> list[Block]:
    """Return the figure, with the most important parameters next to the score."""
    trials = thin_out(sweep.ranked, MOST)
    scales = [scale_of(sweep, name) for name in reversed(order[:AXES])]
    scores = [objective_axis(sweep, index, trials) for index in range(len(sweep.objectives))]
    dimensions = [*(parameter_axis(scale, trials) for scale in scales), *scores]
    lines = {
        "type": "parcoords",
        "dimensions": dimensions,
        "labelangle": -20,
        "labelside": "top",
        "line": {
            "color": [trial.values[0] for trial in trials],
            "colorscale": COLOURS,
            "reversescale": not sweep.maximise[0],
        },
        "labelfont": {"size": 12, "color": "@ink"},
        "tickfont": {"size": 11, "color": "@ink"},
        "rangefont": {"size": 1, "color": "rgba(0,0,0,0)"},
    }
    shown = shown_range([trial.values[0] for trial in trials], sweep.maximise[0])
    if shown is not None:
        lines["line"] |= {"cmin": shown[0], "cmax": shown[1]}  # type: ignore[operator]
    caption = "A line is a complete trial: grey the worst, green the best."
    if len(order) > AXES:
        caption += f" The {AXES} most important of {len(order)} parameters are shown."
    caption += thinning_note(len(trials), len(sweep.complete))
    gesture = (
        "Drag along an axis to keep only the trials that pass there; drag a name to move its axis."
    )
    layout = {"margin": {"l": 60, "r": 50, "t": 70, "b": 20}}
    return [
        Figure(
            "",
            [lines],
            layout,
            caption,
            gesture,
            height=400,
            min_width=AXIS_WIDTH * len(dimensions),
        )
    ]


def parameter_axis(scale: Scale, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Return the axis of a parameter; trials without it are drawn below its lowest value."""
    places = [
        scale.place(trial.params[scale.name]) if scale.name in trial.params else None
        for trial in trials
    ]
    known = [place for place in places if place is not None] or [0.0]
    low, high = min(known), max(known)
    width = high - low or 1.0
    below = low - width / (4 if scale.groups is None else max(2, len(scale.groups)))
    values, texts = ticks(scale, low, high)
    absent = len(known) < len(places)
    return {
        "label": scale.label,
        "values": [below if place is None else place for place in places],
        "range": [below if absent else low, low + width],
        "tickvals": [below, *values] if absent else values,
        "ticktext": [ABSENT, *texts] if absent else texts,
    }


def ticks(scale: Scale, low: float, high: float) -> tuple[list[float], list[str]]:
    """Return positions and labels of a parameter's axis ticks."""
    if scale.groups is not None:
        seen = range(round(low), round(high) + 1)
        return [float(index) for index in seen], [value_text(scale.groups[index]) for index in seen]
    places = [low + (high - low) * step / 4 for step in range(5)]
    return places, [f"{10**place if scale.log else place:.2g}" for place in places]


def objective_axis(sweep: Sweep, index: int, trials: Sequence[FrozenTrial]) -> dict[str, Any]:
    """Return the axis of an objective."""
    values = [trial.values[index] for trial in trials]
    low, high = min(values), max(values)
    places = [low + (high - low) * step / 5 for step in range(6)] if high > low else [low]
    return {
        "label": sweep.objectives[index],
        "values": values,
        "range": [low, high if high > low else low + abs(low) + 1e-9],
        "tickvals": places,
        "ticktext": [f"{place:.4g}" for place in places],
    }
