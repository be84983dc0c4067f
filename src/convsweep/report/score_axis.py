"""The axis of a score: what is shown of it, so that one lost trial does not press all others into a line."""

from collections.abc import Sequence
from statistics import quantiles
from typing import Any

FEWEST = 8
"""With fewer scores everything is shown."""


def score_axis(name: str, values: Sequence[float], more_is_better: bool) -> dict[str, Any]:
    """Return the axis of a score; far worse values than most are off it until a double click."""
    axis: dict[str, Any] = {"title": {"text": name}}
    shown = shown_range(values, more_is_better)
    return axis if shown is None else {**axis, "range": list(shown)}


def shown_range(values: Sequence[float], more_is_better: bool) -> tuple[float, float] | None:
    """Return the range to show, None for all; what is three quartile distances behind the worst quarter is left out."""
    if len(values) < FEWEST:
        return None
    low, _, high = quantiles(values, n=4)
    far = 3 * (high - low)
    kept = [value for value in values if (value >= low - far if more_is_better else value <= high + far)]
    if len(kept) == len(values) or min(kept) == max(kept):
        return None
    worst, best = (min(kept), max(kept)) if more_is_better else (max(kept), min(kept))
    edge = 0.06 * abs(best - worst)
    return (worst - edge, best + edge) if more_is_better else (best - edge, worst + edge)


def off_axis(values: Sequence[float], more_is_better: bool) -> str:
    """Return a sentence about the values that are not shown at first, empty if there are none."""
    shown = shown_range(values, more_is_better)
    if shown is None:
        return ""
    hidden = sum(not shown[0] <= value <= shown[1] for value in values)
    return f" {hidden} far worse {'one lies' if hidden == 1 else 'ones lie'} off the axis; a double click shows all."
