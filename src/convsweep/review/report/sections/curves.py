"""Learning curves: values reported by each trial, where trials were pruned or wait, and how well
early values predict the last one.
"""

from collections.abc import Sequence
from typing import Any

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Block, Figure, Text
from convsweep.review.report.rendering.palette import KINDS, in_words
from convsweep.review.report.rendering.phrases import count_text, value_text
from convsweep.review.report.rendering.score_axis import axis_of
from convsweep.review.report.rendering.thinning import evenly, thin_out
from convsweep.review.study import Sweep
from hydra_study import early_values, kind_of, rungs_of

MOST = {"complete": 80, "pruned": 80}
# Curves of a kind of outcome without a number of its own.
OTHERS = 40
# Largest number of points in a curve.
POINTS = 100


def curve_blocks(sweep: Sweep) -> list[Block]:
    """Return the curves of all trials that reported values."""
    reported = [
        trial
        for trial in sweep.trials
        if trial.intermediate_values and kind_of(trial) != "duplicate"
    ]
    if not reported:
        return [Text("No trial reported a value while it trained.")]
    metric = sweep.option("prune_on") or sweep.objectives[0]
    more = (
        sweep.maximise[sweep.objectives.index(metric)]
        if metric in sweep.objectives
        else sweep.maximise[0]
    )
    by_kind: dict[str, list[FrozenTrial]] = {}
    for trial in reported:
        by_kind.setdefault(kind_of(trial), []).append(trial)
    data: list[dict[str, Any]] = []
    drawn = 0
    for kind, trials in by_kind.items():
        ranked = sorted(trials, key=last_value, reverse=more)
        chosen = thin_out(ranked, MOST.get(kind, OTHERS))
        drawn += len(chosen)
        data += traces(kind, chosen, len(trials))
    if sweep.best is not None and sweep.best.intermediate_values:
        data.append(best_trace(sweep.best))
    caption = "A cross marks where a trial was pruned, or waits."
    if drawn < len(reported):
        caption += (
            f" {drawn} of {len(reported):,} curves are drawn: the best and an even sample of the"
            " others of each kind."
        )
    axis = axis_of(
        metric, [value for trial in reported for value in trial.intermediate_values.values()], more
    )
    over = sweep.option("average_over")
    steps = "epoch" if over is None else f"training, by {over}"
    layout = {"xaxis": {"title": {"text": steps}}, "yaxis": axis.layout}
    title = f"{metric} while training, {count_text(len(reported), 'trial')}"
    early = early_blocks(sweep, maximize=more) if over is None else []
    return [
        Figure(
            title,
            data,
            layout,
            caption + axis.remark,
            "Click a name above to hide or show its curves.",
            height=420,
        ),
        *early,
    ]


def early_blocks(sweep: Sweep, *, maximize: bool) -> list[Block]:
    """Return how well early values predict the last one, if enough trials are complete."""
    rungs = rungs_of(sweep.option("schedule"), sweep.option("pruner"))
    known = early_values(sweep.trials, maximize=maximize, **rungs)
    return [] if known is None else [Text(f"**What early values tell**: {known.text('epoch')}")]


def traces(kind: str, trials: Sequence[FrozenTrial], total: int) -> list[dict[str, Any]]:
    """Return the curves of one kind as one trace with gaps between trials, and the ends of pruned
    and paused ones.
    """
    x: list[float | None] = []
    y: list[float | None] = []
    text: list[str | None] = []
    for trial in trials:
        points = evenly(sorted(trial.intermediate_values.items()), POINTS)
        x += [*(step for step, _ in points), None]
        y += [*(value for _, value in points), None]
        text += [*([f"trial {trial.number}"] * len(points)), None]
    colour = KINDS[kind].colour
    line = {"color": colour, "width": 1.2, "dash": "solid" if kind == "complete" else "dot"}
    lines = {
        "type": "scatter",
        "mode": "lines",
        "name": f"{in_words(kind)} ({total:,})",
        "legendgroup": kind,
        "x": x,
        "y": y,
        "text": text,
        "hovertemplate": "%{text}: %{y} after %{x}<extra></extra>",
        "line": line,
        "opacity": 0.55,
    }
    if kind not in ("pruned", "paused"):
        return [lines]
    ends = [max(trial.intermediate_values.items()) for trial in trials]
    marks = {
        "type": "scatter",
        "mode": "markers",
        "legendgroup": kind,
        "showlegend": False,
        "x": [step for step, _ in ends],
        "y": [value for _, value in ends],
        "marker": {"symbol": "x", "size": 7, "color": colour},
        "text": [
            f"trial {trial.number}, {trial.user_attrs.get('reason', kind)}" for trial in trials
        ],
        "hovertemplate": "%{text}<br>%{y} after %{x}<extra></extra>",
    }
    return [lines, marks]


def best_trace(best: FrozenTrial) -> dict[str, Any]:
    """Return the curve of the best trial."""
    points = evenly(sorted(best.intermediate_values.items()), POINTS)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": f"best: trial {best.number}",
        "x": [step for step, _ in points],
        "y": [value for _, value in points],
        "line": {"color": "@good", "width": 3},
        "marker": {"size": 5},
        "hovertemplate": (
            f"trial {best.number} ({value_text(best.values[0])}): %{{y}} after %{{x}}"
            "<extra></extra>"
        ),
    }


def last_value(trial: FrozenTrial) -> float:
    """Return the last value that a trial reported."""
    return trial.intermediate_values[max(trial.intermediate_values)]
