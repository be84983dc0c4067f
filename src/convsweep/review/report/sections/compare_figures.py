"""Figures of two sweeps: best so far, scores, score against cost."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from convsweep.review.report.rendering.blocks import Block, Figure
from convsweep.review.report.rendering.score_axis import ScoreAxis, axis_of
from convsweep.review.report.rendering.thinning import evenly
from convsweep.review.report.sections.history import improvements
from convsweep.review.study import Sweep, moment, seconds_of

COLOURS = ("@accent", "@warm")
# Trials of each sweep in a figure; more make the page slow and show nothing new.
MOST = 1000


def shared_axis(sweeps: Sequence[Sweep]) -> ScoreAxis:
    """Return the axis of the first objective over the complete trials of both."""
    values = [trial.values[0] for sweep in sweeps for trial in sweep.complete]
    return axis_of(sweeps[0].objectives[0], values, sweeps[0].maximise[0])


def history_blocks(sweeps: Sequence[Sweep], names: Sequence[str]) -> list[Block]:
    """Return the best so far by trials and by time of training."""
    by_trial: list[dict[str, Any]] = []
    by_time: list[dict[str, Any]] = []
    for sweep, name, colour in zip(sweeps, names, COLOURS, strict=True):
        steps = improvements(sweep)
        last = sweep.trials[-1].number
        by_trial.append(
            steps_trace(
                name, colour, [*(float(n) for n, _ in steps), float(last)], [v for _, v in steps]
            )
        )
        spent = spent_until(sweep)
        steps = improvements(
            sweep, trials=sorted(sweep.complete, key=lambda trial: spent[trial.number])
        )
        seconds = [*(spent[n] for n, _ in steps), max(spent.values())]
        by_time.append(
            steps_trace(name, colour, [value / 60 for value in seconds], [v for _, v in steps])
        )
    axis = shared_axis(sweeps)
    trials, minutes = (
        {"xaxis": {"title": {"text": name}}, "yaxis": axis.layout} for name in ("trial", "minutes")
    )
    return [
        Figure("Best so far by trials", by_trial, trials, axis.remark.strip()),
        Figure("Best so far by minutes of training, all slots together", by_time, minutes),
    ]


def steps_trace(name: str, colour: str, x: list[float], values: list[float]) -> dict[str, Any]:
    """Return the line of the best so far, extended to the last trial."""
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": x,
        "y": [*values, values[-1]],
        "marker": {"size": 5},
        "line": {"color": colour, "width": 2, "shape": "hv"},
        "hovertemplate": "%{y} at %{x:.4g}<extra></extra>",
    }


def spent_until(sweep: Sweep) -> dict[int, float]:
    """Return the total seconds of training up to the end of each trial, by number."""
    ended = sorted(
        sweep.trials,
        key=lambda trial: (
            moment(trial.datetime_complete)
            if trial.datetime_complete
            else datetime.max.replace(tzinfo=UTC)
        ),
    )
    spent, total = {}, 0.0
    for trial in ended:
        total += seconds_of(trial) or 0.0
        spent[trial.number] = total
    return spent


def spread_figure(sweeps: Sequence[Sweep], names: Sequence[str]) -> Figure:
    """Return the distributions of the complete trials' scores."""
    data = [
        {
            "type": "box",
            "name": name,
            "y": [trial.values[0] for trial in evenly(sweep.ranked, MOST)],
            "boxpoints": "all",
            "jitter": 0.5,
            "pointpos": 0,
            "marker": {"color": colour, "size": 4, "opacity": 0.5},
            "line": {"width": 1.5},
        }
        for sweep, name, colour in zip(sweeps, names, COLOURS, strict=True)
    ]
    layout = {"yaxis": shared_axis(sweeps).layout, "showlegend": False}
    return Figure(
        "Scores of the complete trials",
        data,
        layout,
        "A sampler that finds good regions has more of its trials high up.",
    )


def cost_blocks(sweeps: Sequence[Sweep], names: Sequence[str]) -> list[Block]:
    """Return a figure of score against parameters for both sweeps."""
    data = []
    for sweep, name, colour in zip(sweeps, names, COLOURS, strict=True):
        known = [
            trial
            for trial in evenly(sweep.ranked, MOST)
            if isinstance(trial.user_attrs.get("params"), int)
        ]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [trial.user_attrs["params"] for trial in known],
                "y": [trial.values[0] for trial in known],
                "marker": {"color": colour, "opacity": 0.55, "size": 6},
                "text": [f"trial {trial.number}" for trial in known],
                "hovertemplate": "%{text}: %{y} with %{x} parameters<extra></extra>",
            }
        )
    layout = {
        "xaxis": {"title": {"text": "parameters"}, "type": "log"},
        "yaxis": shared_axis(sweeps).layout,
    }
    return [Figure("Score against parameters", data, layout)]
