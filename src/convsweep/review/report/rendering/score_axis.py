"""Axes of scores, limited so that outliers do not compress all other trials."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from convsweep.review.study import Sweep

# With fewer scores the full range is shown.
FEWEST = 8


@dataclass(frozen=True)
class ScoreAxis:
    """The range of an axis of scores until a double click.

    Attributes:
        title: of the axis.
        shown: the range; None: all.
        num_hidden: number of scores outside of it.
    """

    title: str
    shown: tuple[float, float] | None
    num_hidden: int

    @property
    def layout(self) -> dict[str, Any]:
        """Plotly's layout of the axis."""
        axis: dict[str, Any] = {"title": {"text": self.title}}
        return axis if self.shown is None else {**axis, "range": list(self.shown)}

    @property
    def remark(self) -> str:
        """A sentence about hidden scores, empty without any."""
        if self.shown is None:
            return ""
        lie = "one lies" if self.num_hidden == 1 else "ones lie"
        return f" {self.num_hidden:,} far worse {lie} off the axis; a double click shows all."


def axis_of(title: str, values: Sequence[float], more_is_better: bool) -> ScoreAxis:
    """Return the axis of scores."""
    shown = shown_range(values, more_is_better)
    num_hidden = 0 if shown is None else sum(not shown[0] <= value <= shown[1] for value in values)
    return ScoreAxis(title, shown, num_hidden)


def score_axis(sweep: Sweep, objective: int = 0) -> ScoreAxis:
    """Return the axis of an objective over the complete trials."""
    values = [trial.values[objective] for trial in sweep.complete]
    return axis_of(sweep.objectives[objective], values, sweep.maximise[objective])


def shown_range(values: Sequence[float], more_is_better: bool) -> tuple[float, float] | None:
    """Return the range to show, None for all; scores more than three interquartile ranges beyond
    the worst quartile are left out.
    """
    if len(values) < FEWEST:
        return None
    low, _, high = quantiles(values, n=4)
    far = 3 * (high - low)
    kept = [
        value for value in values if (value >= low - far if more_is_better else value <= high + far)
    ]
    if len(kept) == len(values) or min(kept) == max(kept):
        return None
    worst, best = (min(kept), max(kept)) if more_is_better else (max(kept), min(kept))
    edge = 0.06 * abs(best - worst)
    return (worst - edge, best + edge) if more_is_better else (best - edge, worst + edge)
