"""Score against cost: parameters, multiply-accumulates and seconds of each trial, and the best
score up to each cost.
"""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Grid, Table, Text
from convsweep.review.report.rendering.phrases import hover, number
from convsweep.review.report.rendering.score_axis import ScoreAxis, score_axis
from convsweep.review.report.rendering.thinning import thin_out, thinning_note
from convsweep.review.report.sections.front import is_wide
from convsweep.review.study import Sweep, seconds_of
from hydra_study.attributes import SECONDS

# Trials in a figure.
MOST = 600


# Costs recorded by a trial; those that are objectives are shown by the Pareto front.
COSTS = {"parameters": "params", "MACs a sample": "macs", "seconds of training": SECONDS}


def tradeoff_blocks(sweep: Sweep) -> list[Block]:
    """Return a figure for each known cost."""
    axis = score_axis(sweep)
    others = {name: key for name, key in COSTS.items() if key not in sweep.objectives}
    figures = [
        figure
        for name, key in others.items()
        if (figure := cost_figure(sweep, name, key, axis)) is not None
    ]
    if not figures:
        return []
    drawn = min(MOST, len(sweep.complete))
    words = (
        "The line is the best score that this or a lower cost has reached; it moves where more cost"
        " bought more score."
    )
    return [Text(words + axis.remark + thinning_note(drawn, len(sweep.complete))), Grid(figures)]


def cost_figure(sweep: Sweep, name: str, key: str, scores: ScoreAxis) -> Figure | None:
    """Return a figure of the score against one cost, None if no trial has it."""
    costs = {
        trial.number: value
        for trial in sweep.complete
        if (value := cost_of(trial, key)) is not None and value > 0
    }
    trials = [trial for trial in sweep.ranked if trial.number in costs]
    if not trials:
        return None
    drawn, steps = thin_out(trials, MOST), cheapest(trials, costs, sweep.maximise[0])
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [costs[trial.number] for trial in drawn],
            "y": [trial.values[0] for trial in drawn],
            "text": [hover(sweep, trial) for trial in drawn],
            "customdata": [number(costs[trial.number]) for trial in drawn],
            "hovertemplate": f"%{{text}}<br>{name} %{{customdata}}<extra></extra>",
            "marker": {"color": "@accent", "opacity": 0.5, "size": 6},
        },
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [costs[trial.number] for trial in steps],
            "y": [trial.values[0] for trial in steps],
            "line": {"color": "@good", "width": 2, "shape": "hv"},
            "marker": {"color": "@good", "size": 7},
            "hoverinfo": "skip",
        },
    ]
    layout = {
        "xaxis": {"type": "log" if is_wide(list(costs.values())) else "linear", "nticks": 6},
        "yaxis": scores.layout,
        "showlegend": False,
        "margin": {"l": 56, "r": 8, "t": 6, "b": 30},
    }
    rows = [[trial.number, number(costs[trial.number]), trial.values[0]] for trial in steps]
    return Figure(
        name, data, layout, height=250, instead=Table(["trial", name, sweep.objectives[0]], rows)
    )


def cost_of(trial: FrozenTrial, key: str) -> float | None:
    """Return a cost of a trial, None if unknown."""
    return seconds_of(trial) if key == SECONDS else trial.user_attrs.get(key)


def cheapest(
    trials: Sequence[FrozenTrial], costs: dict[int, float], more_is_better: bool
) -> list[FrozenTrial]:
    """Return the trials that are better than all of at most their cost, the cheapest first."""
    steps: list[FrozenTrial] = []
    by_cost = sorted(
        trials,
        key=lambda trial: (
            costs[trial.number],
            -trial.values[0] if more_is_better else trial.values[0],
        ),
    )
    for trial in by_cost:
        gain = trial.values[0] - steps[-1].values[0] if steps else None
        if gain is None or (gain > 0 if more_is_better else gain < 0):
            steps.append(trial)
    return steps
