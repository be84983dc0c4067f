"""Numbers, times, trials and networks in words, the same on every page."""

import math
from collections.abc import Sequence

from optuna.trial import FrozenTrial

from convsweep.review.report.rendering.blocks import Card
from convsweep.review.study import Sweep


def number(value: float | None, digits: int = 4) -> str:
    """Return a number with a few digits, thousands apart."""
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
    """Return a network in a few words, from the line that its cost is summed up in: `ConvNet: 66 k
    parameters, ...`.
    """
    size, _, rest = summary.partition(", ")
    return Card(label, size.partition(": ")[2] or "unknown size", rest)


def duration(seconds: float | None) -> str:
    """Return a length of time in the units that a person would use."""
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
    """Return the searched parameters of a trial, each by its label with its value."""
    return [
        f"{sweep.labels[name]} {value_text(trial.params[name])}"
        for name in sweep.searched
        if name in trial.params
    ]


def params_text(sweep: Sweep, trial: FrozenTrial) -> str:
    """Return the searched parameters of a trial in one line."""
    return ", ".join(params_of(sweep, trial))


def value_text(value: object) -> str:
    """Return a parameter's value."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def list_text(items: Sequence[str]) -> str:
    """Return items as a person lists them: a, b and c."""
    return (
        items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""
    )


def hover(sweep: Sweep, trial: FrozenTrial) -> str:
    """Return what a figure says of a complete trial, in Plotly's few tags."""
    info = [score(sweep, trial), *params_of(sweep, trial)]
    return "<br>".join([f"<b>trial {trial.number}</b>", *info])


def percent(share: float) -> str:
    """Return a share of a whole."""
    return f"{100 * share:.0f} %"
