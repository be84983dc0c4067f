"""Formatting of numbers, times, trials and networks, the same on all pages."""

import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Card
from convsweep.review.study import Sweep


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with a few digits and separated thousands."""
    if value is None:
        return "-"
    if (
        math.isfinite(value)
        and (float(value).is_integer() or abs(value) >= 10_000)
        and abs(value) < 1e12
    ):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def score(sweep: Sweep, trial: FrozenTrial) -> str:
    """Return the objectives of a complete trial with their names."""
    return ", ".join(
        f"{name} {number(value)}"
        for name, value in zip(sweep.objectives, trial.values, strict=True)
    )


def network_card(label: str, summary: str) -> Card:
    """Return a card of a network from the summary of its cost: `ConvNet: 66 k parameters, ...`."""
    size, _, rest = summary.partition(", ")
    return Card(label, size.partition(": ")[2] or "unknown size", rest)


def duration(seconds: float | None) -> str:
    """Return a duration in suitable units."""
    if seconds is None:
        return "-"
    if seconds < 100:
        return f"{seconds:.3g} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.3g} min"
    return f"{seconds / 3600:.3g} h" if seconds < 100 * 3600 else f"{seconds / 86400:.3g} days"


def count_text(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def params_of(sweep: Sweep, trial: FrozenTrial) -> list[str]:
    """Return the searched parameters of a trial as labels with values."""
    return [
        f"{sweep.labels[name]} {value_text(trial.params[name])}"
        for name in sweep.searched_params
        if name in trial.params
    ]


def params_text(sweep: Sweep, trial: FrozenTrial) -> str:
    """Return the searched parameters of a trial in one line."""
    return ", ".join(params_of(sweep, trial))


def value_text(value: object) -> str:
    """Return a parameter's value as text."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def list_text(items: Sequence[str]) -> str:
    """Return items as a list in a sentence: a, b and c."""
    return (
        items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
    )


def hover(sweep: Sweep, trial: FrozenTrial) -> str:
    """Return the hover text of a complete trial, with Plotly's tags."""
    info = [score(sweep, trial), *params_of(sweep, trial)]
    return "<br>".join([f"<b>trial {trial.number}</b>", *info])


def percent(share: float) -> str:
    """Return a share in percent."""
    return f"{100 * share:.0f} %"
