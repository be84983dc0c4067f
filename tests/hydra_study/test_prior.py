"""A prior: trials near points that are believed to be good, fewer as the search goes on."""

import random
import statistics
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial

from hydra_study import StudyError, attributes
from hydra_study.config import SAMPLERS, StudyConf
from hydra_study.space.grammar import parse_parameters
from hydra_study.space.space import Space
from hydra_study.trials.prior import PriorSampler, near
from hydra_study.trials.sampling import build_sampler
from hydra_study.trials.starting_points import prior_points
from hydra_study.trials.startup import num_trained_at_random


def draws(value: Any, distribution: BaseDistribution) -> list[Any]:
    rng = random.Random(0)
    return [near(value, distribution, rng) for _ in range(400)]


@pytest.mark.parametrize(
    ("value", "distribution"),
    [
        (0.01, FloatDistribution(1e-4, 1.0, log=True)),
        (1.0, FloatDistribution(0.0, 1.0)),
        (3, IntDistribution(1, 9, step=2)),
        (64, IntDistribution(8, 128, log=True)),
        (2, IntDistribution(2, 2)),
        (None, IntDistribution(1, 5)),
        (None, FloatDistribution(1e-4, 1.0, log=True)),
    ],
)
def test_draws_are_values_of_the_space(value: Any, distribution: BaseDistribution) -> None:
    for drawn in draws(value, distribution):
        assert distribution._contains(distribution.to_internal_repr(drawn))
        assert isinstance(drawn, int) == isinstance(distribution, IntDistribution)


def test_draws_are_near() -> None:
    logs = sorted(draws(0.01, FloatDistribution(1e-4, 1.0, log=True)))
    assert 0.007 < statistics.median(logs) < 0.014
    assert logs[100] > 0.001, "a quarter is below a point 0.67 standard deviations away"
    kept = draws("b", CategoricalDistribution(["a", "b", "c", "d"])).count("b")
    assert kept / 400 == pytest.approx(0.5 + 0.5 / 4, abs=0.07)


@pytest.mark.parametrize(
    "distribution", [IntDistribution(2, 4), FloatDistribution(0.0, 1.0, step=0.5)]
)
def test_the_ends_of_a_range_are_drawn_as_often_as_others(distribution: BaseDistribution) -> None:
    found = draws(None, distribution)
    assert sorted(found.count(value) for value in set(found))[0] > 110, "of 400, three values"


def searched(num_trials: int, sampler: str = "random") -> list[FrozenTrial]:
    """Return trials of a study with a prior at 0.9."""
    spec: Any = SimpleNamespace(
        options=StudyConf(sampler={**SAMPLERS[sampler], "seed": 0}), prior=[{"x": 0.9}]
    )
    study = optuna.create_study(sampler=build_sampler(spec, 0, 0, says_so=False))
    assert isinstance(study.sampler, PriorSampler)
    for number in range(num_trials):
        trial = study.ask()
        study.sampler.begin(trial, number)
        study.tell(trial, (trial.suggest_float("x", 0, 1) - 0.2) ** 2)
    return study.trials


def test_the_influence_fades() -> None:
    trials = searched(300)
    near_point = [attributes.PRIOR in trial.user_attrs for trial in trials]
    assert 2 <= sum(near_point[:10]) <= 8
    assert sum(near_point[200:]) <= 8
    values = [
        trial.params["x"] for trial, is_near in zip(trials, near_point, strict=True) if is_near
    ]
    assert statistics.fmean(values) > 0.6


def test_a_wrong_prior_does_not_capture_the_search_or_delay_the_sampler() -> None:
    trials = searched(60, "tpe")
    assert abs(min(trials, key=lambda trial: trial.value).params["x"] - 0.2) < 0.02
    assert num_trained_at_random(trials) == 60


def test_the_winner_of_another_study_is_a_prior(tmp_path: Path) -> None:
    (tmp_path / "best.yaml").write_text(
        "defaults: [config, {override /optimizer: sgd}, _self_]\n"
        "model: {net: {depth: 3, width: 99}}"
    )
    space = Space(
        parse_parameters(
            {
                "model.net.depth": "range(1,5)",
                "model.net.width": "range(1,9)",
                "lr": "interval(0,1)",
            },
            [],
            loader=None,  # type: ignore[arg-type]
        )
    )
    space.searched["optimizer"] = CategoricalDistribution(["sgd", "adamw"])
    options = StudyConf(prior=[str(tmp_path / "best.yaml")], sampler=SAMPLERS["tpe"])
    spec: Any = SimpleNamespace(options=options)
    assert prior_points(space, spec) == [{"model.net.depth": 3, "optimizer": "sgd"}]
    options.prior = ["nowhere.yaml"]
    with pytest.raises(StudyError, match=r"sweeper.prior takes .* but got 'nowhere.yaml'"):
        prior_points(space, spec)
    options.sampler = SAMPLERS["grid"]
    with pytest.raises(StudyError, match="choose another sampler"):
        prior_points(space, spec)
