"""What early values tell about the last one."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial

from hydra_study import attributes
from hydra_study.conclusion import closing_lines
from hydra_study.config import StudyConf
from hydra_study.objectives import parse_objectives
from hydra_study.trials.early_values import early_values, rungs_of


def trials_of(curves: Sequence[Sequence[float]], **attrs: object) -> list[FrozenTrial]:
    """Return complete trials with these values at the steps 1, 2, ..."""
    return [
        create_trial(
            state=TrialState.COMPLETE,
            value=curve[-1],
            intermediate_values=dict(enumerate(curve, 1)),
            user_attrs=attrs,
        )
        for curve in curves
    ]


# The order is reversed after one step, and final from the third on.
CURVES = [[float(9 - n), float(n % 3), float(n), float(n)] for n in range(9)]


@pytest.mark.parametrize("maximize", [False, True])
def test_the_first_step_that_keeps_the_best_is_found(maximize: bool) -> None:
    sign = -1.0 if maximize else 1.0
    trials = trials_of([[sign * value for value in curve] for curve in CURVES])
    found = early_values(trials, maximize=maximize)
    assert found is not None
    assert found.correlations == {1: pytest.approx(-1.0), 3: pytest.approx(1.0)}
    assert (found.num_trials, found.kept_from) == (9, 3)
    assert "after epoch 1: -1.00, 3: 1.00. From epoch 3 on, the best trial" in found.text("epoch")


def test_no_step_is_recommended_where_the_best_falls_behind_later() -> None:
    curves = [[curve[2], curve[0], curve[3]] for curve in CURVES]
    found = early_values(trials_of(curves), maximize=False, factor=2)
    assert found is not None
    assert list(found.correlations) == [1, 2]
    assert found.kept_from is None
    assert "pause or prune later" in found.text()


def test_a_search_ends_with_it() -> None:
    spec: Any = SimpleNamespace(
        options=StudyConf(schedule={"min_steps": 2, "reduction_factor": 3}),
        objectives=parse_objectives("maximize", None),
    )
    (line,) = closing_lines(spec, trials_of(CURVES), None, None)
    assert "over 9 trials that trained to their end, after step 2: " in line
    spec.options.average_over = "seed"
    assert closing_lines(spec, trials_of(CURVES), None, None) == []


def test_few_trials_say_nothing() -> None:
    assert early_values(trials_of(CURVES[:7]), maximize=False) is None
    again = trials_of(CURVES, **{attributes.FINALIST_OF: 0})
    assert early_values([*trials_of(CURVES[:7]), *again], maximize=False) is None


def test_trials_that_report_their_last_value_alone_say_nothing() -> None:
    trials = trials_of(CURVES)
    for trial in trials:
        trial.intermediate_values = {4: trial.intermediate_values[4]}
    assert early_values(trials, maximize=False) is None


def test_the_steps_are_the_rungs_of_a_schedule_or_pruner() -> None:
    schedule = {"_target_": "x", "min_steps": 2, "reduction_factor": 4}
    assert rungs_of(schedule, None) == {"first": 2, "factor": 4}
    halving = {"min_resource": "auto", "reduction_factor": 3}
    assert rungs_of({"_target_": None}, halving) == {"first": 1, "factor": 3}
    assert rungs_of(None, {}) == {}
