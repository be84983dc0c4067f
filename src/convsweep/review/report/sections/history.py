"""Optimisation history: scores in the order of the trials, and the best so far."""

from collections.abc import Iterable
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Table
from convsweep.review.report.rendering.phrases import hover, number
from convsweep.review.report.rendering.score_axis import score_axis
from convsweep.review.report.rendering.thinning import thin_out, thinning_note
from convsweep.review.study import Sweep

# Largest number of trials drawn as points; the line of the best uses all.
MOST = 1500


def history_blocks(sweep: Sweep) -> list[Block]:
    """Return the history of each objective."""
    return [history_figure(sweep, objective) for objective in range(len(sweep.objectives))]


def improvements(
    sweep: Sweep, objective: int = 0, trials: Iterable[FrozenTrial] | None = None
) -> list[tuple[int, float]]:
    """Return (number, value) of each trial that was better than all before it, among these or all
    complete ones.
    """
    found: list[tuple[int, float]] = []
    for trial in sweep.complete if trials is None else trials:
        value = trial.values[objective]
        if not found or (
            value > found[-1][1] if sweep.maximise[objective] else value < found[-1][1]
        ):
            found.append((trial.number, value))
    return found


def history_figure(sweep: Sweep, objective: int) -> Figure:
    """Return the history of one objective."""
    axis = score_axis(sweep, objective)
    drawn = thin_out(sweep.ranked, MOST)
    steps = improvements(sweep, objective)
    last = sweep.trials[-1].number
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "complete trials",
            "x": [trial.number for trial in drawn],
            "y": [trial.values[objective] for trial in drawn],
            "text": [hover(sweep, trial) for trial in drawn],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": "@accent", "opacity": 0.5, "size": 6},
        },
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "line": {"color": "@good", "width": 2, "shape": "hv"},
            "x": [*(number_ for number_, _ in steps), last],
            "y": [*(value for _, value in steps), steps[-1][1]],
            "hovertemplate": "best after trial %{x}: %{y}<extra></extra>",
        },
    ]
    told = f"The best came at trial {steps[-1][0]}; trials after it: {last - steps[-1][0]}."
    caption = told + axis.remark + thinning_note(len(drawn), len(sweep.complete))
    title = f"Best {axis.title} so far: {number(steps[-1][1])}"
    layout = {"xaxis": {"title": {"text": "trial"}}, "yaxis": axis.layout}
    return Figure(
        title, data, layout, caption, instead=Table(["trial", f"best {axis.title}"], steps[::-1])
    )
