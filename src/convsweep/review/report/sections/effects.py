"""Best and worst values of a parameter by median score, as text."""

from dataclasses import dataclass
from statistics import median

from convsweep.review.report.rendering.phrases import number
from convsweep.review.report.rendering.scales import bins, scale_of
from convsweep.review.study import Sweep

# Smallest number of trials of a value to be included.
FEWEST = 3


@dataclass(frozen=True)
class Effect:
    """The values of a parameter with the best and the worst median score, as text with that
    score.
    """

    label: str
    best: str
    worst: str


def effect_of(sweep: Sweep, name: str) -> Effect | None:
    """Return the effect of a parameter's values on the score, None if fewer than two values were
    tried often enough.
    """
    scale = scale_of(sweep, name)
    parts = [part for part in bins(scale, sweep.complete, count=4) if len(part.trials) >= FEWEST]
    medians = sorted(
        (median(trial.values[0] for trial in part.trials), part.label, len(part.trials))
        for part in parts
    )
    if len(medians) < 2 or medians[0][0] == medians[-1][0]:
        return None
    low, high = (
        f"{label} (median {number(middle)} of {count} trials)"
        for middle, label, count in (medians[0], medians[-1])
    )
    return Effect(scale.label, high, low) if sweep.maximise[0] else Effect(scale.label, low, high)
