"""What early values tell about the last one, over the trials that trained to their end."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from hydra_study.attributes import is_finalist, kind_of

# Fewer trials say nothing about their order.
FEWEST_TRIALS = 8


@dataclass(frozen=True)
class EarlyValues:
    """How well the values after some steps rank trials.

    Attributes:
        correlations: After each step, Spearman's rank correlation with the last value.
        num_trials: Number of complete trials.
        kept_from: The first of these steps from which on the best tenth of the trials by their last
            value were always among the best `1 / factor`; None if there is no such step.
        factor: Reduction factor of the schedule or pruner.
    """

    correlations: Mapping[int, float]
    num_trials: int
    kept_from: int | None
    factor: int

    def text(self, unit: str = "step") -> str:
        """Return the facts in two sentences.

        Args:
            unit: What a step is called.
        """
        said = ", ".join(f"{step}: {value:.2f}" for step, value in self.correlations.items())
        best = max(1, self.num_trials // 10)
        of_best = "the best trial" if best == 1 else f"each of the best {best} trials"
        place = f"among the best 1/{self.factor}"
        rule = (
            f"At none of them was {of_best} always {place}: pause or prune later"
            if self.kept_from is None
            else f"From {unit} {self.kept_from} on, {of_best} was always {place}, so that pausing"
            " or pruning from there loses none of them"
        )
        return (
            f"rank correlation with the last value, over {self.num_trials} trials that trained to"
            f" their end, after {unit} {said}. {rule}."
        )


def early_values(
    trials: Iterable[FrozenTrial], *, maximize: bool, first: int = 1, factor: int = 3
) -> EarlyValues | None:
    """Return what the values after `first`, `first * factor`, ... steps tell; None with less than
    eight complete trials that report, finalists left out, or if these only report their last value.

    Trials that were pruned are not known to their end, so that this is about the better ones.

    Args:
        trials: The trials of a study.
        maximize: Whether larger reported values are better.
        first: The first step that is looked at.
        factor: The next one is so many times as late.
    """
    curves = [
        trial.intermediate_values
        for trial in trials
        if kind_of(trial) == "complete"
        and not is_finalist(trial)
        and trial.intermediate_values
        and all(map(math.isfinite, trial.intermediate_values.values()))
    ]
    if len(curves) < FEWEST_TRIALS:
        return None
    last = [curve[max(curve)] for curve in curves]
    correlations: dict[int, float] = {}
    keeps: dict[int, bool] = {}
    step = first
    while step < max(map(max, curves)):
        at = [_step_of_report(step, curve) for curve in curves]
        if at == [max(curve) for curve in curves]:
            break  # no trial has reported anything but its last value since
        values = [curve[one] for curve, one in zip(curves, at, strict=True)]
        if len(set(values)) > 1 and len(set(last)) > 1:
            correlations[step] = _rank_correlation(values, last)
            keeps[step] = _keeps_best(values, last, factor, maximize)
        step *= factor
    if not correlations:
        return None
    kept_from = None
    for step in reversed(keeps):
        if not keeps[step]:
            break
        kept_from = step
    return EarlyValues(correlations, len(curves), kept_from, factor)


def rungs_of(*options: Mapping[str, Any] | None) -> dict[str, int]:
    """Return the arguments `first` and `factor` of `early_values` by the options of a schedule or a
    pruner, the first that has a reduction factor.
    """
    for each in options:
        if each and "reduction_factor" in each:
            first = each.get("min_steps", each.get("min_resource", 1))
            is_number = isinstance(first, int) and first > 0
            return {"first": first if is_number else 1, "factor": int(each["reduction_factor"])}
    return {}


def _step_of_report(step: int, curve: Mapping[int, float]) -> int:
    """Return the first step with a report from `step` on; the last one of a trial that ended
    before.
    """
    return min((one for one in curve if one >= step), default=max(curve))


def _rank_correlation(values: Sequence[float], last: Sequence[float]) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(values, last).statistic)


def _keeps_best(
    values: Sequence[float], last: Sequence[float], factor: int, maximize: bool
) -> bool:
    """Return whether the best tenth by the last value is among the best `1 / factor` by another."""
    sign = -1.0 if maximize else 1.0
    ranked = sorted(range(len(last)), key=lambda one: sign * last[one])
    kept = sorted(sign * value for value in values)[: len(values) // factor]
    return bool(kept) and all(
        sign * values[one] <= kept[-1] for one in ranked[: max(1, len(last) // 10)]
    )
