"""The Pareto front of each pair of objectives."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Table
from convsweep.review.report.rendering.phrases import count_text, hover, params_text
from convsweep.review.report.rendering.score_axis import score_axis
from convsweep.review.report.rendering.thinning import thin_out, thinning_note
from convsweep.review.study import Sweep

# Trials in the figure besides those of the front.
MOST = 1500
# Objectives whose values differ by this factor are drawn on a log scale.
WIDE = 30


def front_blocks(sweep: Sweep) -> list[Block]:
    """Return a figure for every pair of objectives, and the trials on the front."""
    pairs = combinations(range(len(sweep.objectives)), 2)
    rows = [[trial.number, *trial.values, params_text(sweep, trial)] for trial in sweep.front]
    return [
        *(pair_figure(sweep, one, other) for one, other in pairs),
        Table(["trial", *sweep.objectives, "parameters"], rows, in_markdown=40),
    ]


def pair_figure(sweep: Sweep, one: int, other: int) -> Figure:
    """Return the complete trials in the plane of two objectives, with a line along the front."""
    unbeaten = {trial.number for trial in sweep.front}
    others = thin_out([trial for trial in sweep.ranked if trial.number not in unbeaten], MOST)
    front = sorted(sweep.front, key=lambda trial: trial.values[other])
    data = [
        {
            **points(sweep, others, one, other),
            "name": "beaten",
            "mode": "markers",
            "marker": {"color": "@accent", "opacity": 0.45, "size": 6},
        },
        {
            **points(sweep, front, one, other),
            "name": "on the front",
            "mode": "markers" if len(sweep.maximise) > 2 else "lines+markers",
            "marker": {"color": "@good", "size": 9},
            "line": {"color": "@good", "width": 2, "shape": "hv"},
        },
    ]
    axis = score_axis(sweep, one)
    log = is_wide([trial.values[other] for trial in sweep.complete])
    directions = ", ".join(
        f"{name} {'up' if more else 'down'}"
        for name, more in zip(sweep.objectives, sweep.maximise, strict=True)
    )
    caption = (
        f"{count_text(len(front), 'trial')} of {len(sweep.complete):,} complete ones are beaten by"
        f" none ({directions})."
    )
    caption += axis.remark + thinning_note(len(others) + len(front), len(sweep.complete))
    layout = {
        "xaxis": {"title": {"text": sweep.objectives[other]}, "type": "log" if log else "linear"},
        "yaxis": axis.layout,
    }
    return Figure(
        f"{sweep.objectives[one]} against {sweep.objectives[other]}",
        data,
        layout,
        caption,
        height=400,
    )


def points(sweep: Sweep, trials: Sequence[FrozenTrial], one: int, other: int) -> dict[str, Any]:
    """Return trials as the points of a trace."""
    return {
        "type": "scatter",
        "x": [trial.values[other] for trial in trials],
        "y": [trial.values[one] for trial in trials],
        "text": [hover(sweep, trial) for trial in trials],
        "hovertemplate": "%{text}<extra></extra>",
    }


def is_wide(values: Sequence[float]) -> bool:
    """Return whether positive values need a log scale."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= WIDE
