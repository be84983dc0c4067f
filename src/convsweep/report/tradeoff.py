"""Cost against score: parameters, multiply-accumulates and seconds of each trial, and the best score for the money."""

from collections.abc import Callable, Sequence
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.report.blocks import Block, Figure, Grid, Table, Text
from convsweep.report.front import is_wide
from convsweep.report.phrases import hover, number
from convsweep.report.score_axis import off_axis, score_axis
from convsweep.report.sweep import Sweep, seconds_of
from convsweep.report.thinning import drawn_of, thinned

MOST = 600


def fact(name: str) -> Callable[[FrozenTrial], float | None]:
    """Return a reader of one figure of the cost."""

    def read(trial: FrozenTrial) -> float | None:
        value = trial.user_attrs.get(name)
        return float(value) if isinstance(value, int | float) else None

    return read


COSTS: dict[str, Callable[[FrozenTrial], float | None]] = {
    "parameters": fact("params"),
    "MACs a sample": fact("macs"),
    "seconds of training": seconds_of,
}
AS_OBJECTIVE = {"parameters": "params", "MACs a sample": "macs"}
"""The names under which a cost may be an objective, which the Pareto front shows."""


def tradeoff_blocks(sweep: Sweep) -> list[Block]:
    """Return a figure for each cost that is known."""
    others = {name: cost for name, cost in COSTS.items() if AS_OBJECTIVE.get(name) not in sweep.objectives}
    figures = [figure for name, cost in others.items() if (figure := cost_figure(sweep, name, cost)) is not None]
    if not figures:
        return []
    values = [trial.values[0] for trial in sweep.complete]
    drawn = min(MOST, len(sweep.complete))
    words = "The line is the best score that this or a lower cost has reached; it moves where more cost bought more score."
    return [Text(words + off_axis(values, sweep.maximise[0]) + drawn_of(drawn, len(values))), Grid(figures)]


def cost_figure(sweep: Sweep, name: str, cost: Callable[[FrozenTrial], float | None]) -> Figure | None:
    """Return the score against one cost, None if no trial knows it."""
    costs = {trial.number: value for trial in sweep.complete if (value := cost(trial)) is not None and value > 0}
    trials = [trial for trial in sweep.ranked if trial.number in costs]
    if not trials:
        return None
    drawn, steps = thinned(trials, MOST), cheapest(trials, costs, sweep.maximise[0])
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "markers", "x": [costs[trial.number] for trial in drawn],
            "y": [trial.values[0] for trial in drawn], "text": [hover(sweep, trial) for trial in drawn],
            "customdata": [number(costs[trial.number]) for trial in drawn],
            "hovertemplate": f"%{{text}}<br>{name} %{{customdata}}<extra></extra>",
            "marker": {"color": "@accent", "opacity": 0.5, "size": 6},
        },
        {
            "type": "scatter", "mode": "lines+markers", "x": [costs[trial.number] for trial in steps],
            "y": [trial.values[0] for trial in steps], "line": {"color": "@good", "width": 2, "shape": "hv"},
            "marker": {"color": "@good", "size": 7}, "hoverinfo": "skip",
        },
    ]  # fmt: skip
    layout = {
        "xaxis": {"type": "log" if is_wide(list(costs.values())) else "linear", "nticks": 6},
        "yaxis": score_axis(sweep.objectives[0], [trial.values[0] for trial in trials], sweep.maximise[0]),
        "showlegend": False,
        "margin": {"l": 56, "r": 8, "t": 6, "b": 30},
    }
    rows = [[trial.number, number(costs[trial.number]), trial.values[0]] for trial in steps]
    return Figure(name, data, layout, height=250, instead=Table(["trial", name, sweep.objectives[0]], rows))


def cheapest(trials: Sequence[FrozenTrial], costs: dict[int, float], more_is_better: bool) -> list[FrozenTrial]:
    """Return the trials that no other one beats at their cost or a lower one, the cheapest first."""
    steps: list[FrozenTrial] = []
    by_cost = sorted(trials, key=lambda trial: (costs[trial.number], -trial.values[0] if more_is_better else trial.values[0]))
    for trial in by_cost:
        gain = trial.values[0] - steps[-1].values[0] if steps else None
        if gain is None or (gain > 0 if more_is_better else gain < 0):
            steps.append(trial)
    return steps
