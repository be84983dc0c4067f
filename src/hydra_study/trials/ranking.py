"""Which of two complete trials is the better one."""

import math
from statistics import fmean

from optuna.trial import FrozenTrial

# Of a trial's reports, counted from the last one, whose mean tells equal values apart.
LAST_SHARE = 1 / 3


def rank_key(trial: FrozenTrial, index: int = 0, *, maximize: bool) -> tuple[float, float, int]:
    """Return what sorts the better trial first: by its value; of equal values, which are frequent
    where few samples are validated, by the mean of the last third of its reports, which depends
    less on one lucky epoch; then the older trial.

    Args:
        trial: A complete trial.
        index: Which objective; reports are of the first one.
        maximize: Whether larger values are better.
    """
    sign = -1.0 if maximize else 1.0
    reports = [] if index else [value for _, value in sorted(trial.intermediate_values.items())]
    last = [value for value in reports[-math.ceil(len(reports) * LAST_SHARE) :] if value == value]
    return (
        sign * trial.values[index],
        sign * fmean(last) if last else math.inf,
        trial.number,
    )
