"""Trials are ranked by value; of equal ones the steadier, then the older one is the better."""

import math

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_study import rank_key


def trial_of(number: int, value: float, *reports: float) -> FrozenTrial:
    trial = create_trial(
        state=TrialState.COMPLETE, value=value, intermediate_values=dict(enumerate(reports, 1))
    )
    trial.number = number
    return trial


@pytest.mark.parametrize("sign", [1, -1])
def test_ranks(sign: int) -> None:
    trials = [
        trial_of(0, sign * 0.9, 0.1, 0.9, sign * 0.8),
        trial_of(1, sign * 1.0),
        trial_of(2, sign * 1.0, *[sign * value for value in (0.1, 1.0, 0.1, 0.1, 0.7, 0.8)]),
        trial_of(3, sign * 1.0, *[sign * value for value in (0.1, 0.1, 0.1, 1.0, 0.9, math.nan)]),
        trial_of(4, sign * 1.0, *[sign * value for value in (0.1, 0.1, 0.1, 1.0, 0.9, 0.9)]),
    ]
    ranked = sorted(trials, key=lambda trial: rank_key(trial, maximize=sign > 0))
    assert [trial.number for trial in ranked] == [3, 4, 2, 1, 0]


def test_reports_are_of_the_first_objective() -> None:
    first, second = (
        create_trial(state=TrialState.COMPLETE, values=[0.5, 2.0], intermediate_values={1: report})
        for report in (0.4, 0.5)
    )
    first.number, second.number = 0, 1
    assert rank_key(first, 1, maximize=True) < rank_key(second, 1, maximize=True)
