"""Pruning saves epochs and keeps the best, with one objective and with several."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.config import PRUNERS
from hydra_study.dotted_path import build
from hydra_study.errors import StudyError
from hydra_study.objectives import parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.storage.storage import OpenStudy, create_study, open_study
from hydra_study.trials.outcomes import Outcome, parse_policies
from hydra_study.trials.pruning import Reports
from hydra_study.trials.sampling import check_sampler, count_from_one
from hydra_study.trials.schedules import Promotion
from hydra_study.trials.tell import Teller

from .conftest import MakeToy, Toy

pytestmark = pytest.mark.long

# Learning curves that never cross: the value after every epoch is x plus a term that falls.
CURVE = """
    link = trial.current()
    for epoch in range(1, 11):
        time.sleep(0.01)
        with open("epochs.txt", "a") as log: log.write(f"{link.number} {epoch}\\n")
        if link.report(epoch, cfg.x + 1 / epoch): raise trial.Pruned(f"after {epoch}")
    return cfg.x + 0.1
"""
BOTH = CURVE.replace("return cfg.x + 0.1", "return {'loss': cfg.x + 0.1, 'cost': 1 - cfg.x}")

OPPOSED = (
    "n_trials: 18\nslots: 2\nparams: {x: 'interval(0,1)'}\n"
    "direction: {loss: minimize, cost: minimize}\n"
)


def epochs(app: Toy) -> int:
    return len((app.folder / "epochs.txt").read_text().splitlines())


def test_pruning_saves_epochs_and_keeps_the_best(toy: MakeToy) -> None:
    options = "n_trials: 18\nslots: 2\nparams: {x: 'interval(0,1)'}\nsampler: {seed: 3}"
    without, with_ = toy(CURVE, sweeper=options), toy(CURVE, sweeper=options)
    without.run(
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.sampler.seed=3",
        "hydra.sweeper.slots=1",
        "hydra.sweeper.n_trials=4",
    )
    with_.run(
        "hydra/sweeper/sampler=random",
        "hydra.sweeper.sampler.seed=3",
        "hydra/sweeper/pruner=median",
        "hydra.sweeper.slots=1",
    )
    xs = [[trial.params["x"] for trial in app.trials()] for app in (without, with_)]
    assert xs[0] == xs[1][:4], "the same seed in one slot gives the same trials"
    assert epochs(without) == 40
    assert epochs(with_) < 0.75 * 180
    assert with_.study().best_value == min(xs[1]) + 0.1
    assert set(with_.kinds()) == {"complete", "pruned"}
    pruned = next(
        t for t, kind in zip(with_.trials(), with_.kinds(), strict=True) if kind == "pruned"
    )
    assert pruned.user_attrs["reason"].startswith("after ")
    assert pruned.value == pruned.intermediate_values[max(pruned.intermediate_values)]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives_give_a_pareto_front_and_prune_on_the_named_one(
    toy: MakeToy, sampler: str
) -> None:
    app = toy(BOTH, sweeper=OPPOSED + "prune_on: loss")
    app.run("hydra/sweeper/pruner=median", f"hydra/sweeper/sampler={sampler}")
    assert set(app.kinds()) == {"complete", "pruned"}
    assert epochs(app) < 180
    complete = [trial for trial in app.trials() if trial.values is not None]
    front = app.study().best_trials
    assert app.study().metric_names == ["loss", "cost"]
    assert all(
        trial.values == pytest.approx([trial.params["x"] + 0.1, 1 - trial.params["x"]])
        for trial in complete
    )
    assert len(front) == len(complete), (
        "the objectives oppose each other, so every complete trial is on the front"
    )


def test_of_two_objectives_nothing_is_pruned_unless_one_is_named(toy: MakeToy) -> None:
    app = toy(BOTH, sweeper=OPPOSED)
    app.run("hydra/sweeper/pruner=median", "hydra.sweeper.n_trials=10")
    assert set(app.kinds()) == {"complete"}
    assert "choose median" in app.refuse(
        "hydra/sweeper/pruner=wilcoxon", "hydra.sweeper.prune_on=loss"
    )


def test_wilcoxons_pruner_runs(toy: MakeToy) -> None:
    app = toy(CURVE, sweeper="n_trials: 8\nslots: 4\nparams: {x: 'interval(0,1)'}")
    app.run("hydra/sweeper/pruner=wilcoxon")
    assert len(app.trials()) == 8
    assert set(app.kinds()) <= {"complete", "pruned"}


def test_a_sampler_whose_package_is_missing_is_refused_before_the_first_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hydra_study.trials.sampling.find_spec", lambda name: None)
    objectives = parse_objectives("minimize", None)
    check_sampler({"_target_": "optuna.samplers.TPESampler"}, objectives)
    with pytest.raises(StudyError, match=r"run: pip install 'hydra-study-sweeper\[cmaes"):
        check_sampler({"_target_": "optuna.samplers.CmaEsSampler"}, objectives)


# The option, if any, by which a sampler uses results within six trials.
@pytest.mark.parametrize(
    ("sampler", "soon"),
    [
        ("qmc", "scramble=true"),
        ("gp", "n_startup_trials=3"),
        ("gp_curves", "n_startup_trials=3"),
        ("nsga3", "population_size=3"),
        ("cmaes", "n_startup_trials=3"),
    ],
)
def test_every_sampler_runs_on_a_conditional_space(toy: MakeToy, sampler: str, soon: str) -> None:
    pytest.importorskip("cmaes" if sampler == "cmaes" else "torch" if sampler == "gp" else "optuna")
    params = "{x: 'interval(0,1)', n: 'range(1,3)', y: {values: 'interval(0,1)', when: n == 2}}"
    app = toy(
        "return cfg.x + (cfg.y if cfg.n == 2 else 1)",
        "x: 0.0\nn: 1\ny: 0.0",
        f"n_trials: 6\nslots: 2\nparams: {params}",
    )
    output = app.run(
        f"hydra/sweeper/sampler={sampler}",
        "hydra.sweeper.sampler.seed=1",
        f"hydra.sweeper.sampler.{soon}",
    )
    assert set(app.kinds()) == {"complete"}
    assert all(("y" in trial.params) == (trial.params["n"] == 2) for trial in app.trials())
    assert "Warning" not in output.replace("Hydra15MigrationWarning", ""), output


def study_with(pruner: str, **options: Any) -> OpenStudy:
    """Return a study whose pruner is built from its config, as a worker does."""
    storage = optuna.storages.InMemoryStorage()
    create_study(storage, "app", parse_objectives("minimize", None))
    config = PRUNERS[pruner] | {key: value for key, value in options.items() if value is not None}
    return open_study(
        storage,
        "app",
        optuna.samplers.RandomSampler(),
        build(count_from_one(config), "hydra.sweeper.pruner"),
    )


def report(study: OpenStudy, trial: optuna.Trial, values: list[float]) -> list[int]:
    """Report values after the epochs 1, 2, ... and return the epochs after which the trial was to
    stop.
    """
    reports = Reports(study, trial, parse_objectives("minimize", None))
    return [epoch for epoch, value in enumerate(values, start=1) if reports.add(epoch, value)]


@pytest.mark.parametrize(
    ("pruner", "options", "epochs"),
    [
        ("median", {"n_warmup_steps": 0}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("median", {"n_warmup_steps": 1}, [2, 3, 4, 5, 6, 7, 8, 9]),
        ("median", {"n_warmup_steps": 3}, [4, 5, 6, 7, 8, 9]),
        ("median", {"n_warmup_steps": 1, "interval_steps": 3}, [2, 5, 8]),
        ("median", {"n_warmup_steps": 0, "interval_steps": 2}, [1, 3, 5, 7, 9]),
        ("percentile", {}, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
        ("percentile", {"n_warmup_steps": 2}, [3, 4, 5, 6, 7, 8, 9]),
        ("threshold", {"upper": 5.0, "n_warmup_steps": 2}, [3, 4, 5, 6, 7, 8, 9]),
        (
            "patient",
            {"wrapped_pruner": {"_target_": "optuna.pruners.MedianPruner", "n_warmup_steps": 6}},
            [7, 8, 9],
        ),
        ("successive_halving", {"min_resource": 1}, [1, 3, 9]),
        ("successive_halving", {"min_resource": 2}, [2, 6]),
        ("hyperband", {"max_resource": 9}, [1, 3, 9]),
        ("none", {}, []),
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_pruners_compare_the_documented_epochs(
    pruner: str, options: dict[str, Any], epochs: list[int]
) -> None:
    study = study_with(pruner, **options)
    for _ in range(30):  # of hyperband's brackets each has some
        good = study.ask()
        report(study, good, [1.0] * 9)
        study.tell(good, 1.0)
    compared: list[int] = []
    for _ in range(30 if pruner == "hyperband" else 1):
        bad = study.ask()
        stops = report(study, bad, [9.0 + epoch for epoch in range(1, 10)])
        rungs = rungs_of(study.trial(bad.number))
        compared = max(compared, [int(value - 9.0) for value in rungs] or stops, key=len)
        study.tell(bad, state=TrialState.PRUNED)
    assert compared == epochs


def test_a_trial_that_ends_anyway_is_not_pruned() -> None:
    study = study_with("median", n_startup_trials=1, n_warmup_steps=0)
    good, bad, ends = (study.ask() for _ in range(3))
    report(study, good, [1.0, 1.0])
    study.tell(good, 1.0)
    assert report(study, bad, [9.0, 9.0]) == [1, 2]
    reports = Reports(study, ends, parse_objectives("minimize", None))
    assert reports.add(1, 9.0) == "pruned"
    assert reports.add(2, 9.0, is_last=True) is None


def test_a_trial_with_little_left_is_not_paused() -> None:
    study = study_with("none")
    objectives = parse_objectives("minimize", None)
    trials = [study.ask() for _ in range(3)]
    first, late, early = (Reports(study, one, objectives, Promotion(9)) for one in trials)
    assert first.add(9, 1.0) == "paused", "of one trial none goes on"
    assert late.add(9, 9.0, progress=0.9) is None
    assert early.add(9, 9.0, progress=0.75) == "paused"


def rungs_of(trial: FrozenTrial) -> list[float]:
    """Return the values that successive halving has noted of a trial, rung by rung."""
    return [
        value
        for key, value in sorted(trial.system_attrs.items())
        if key.startswith("completed_rung_")
    ]


@pytest.mark.parametrize("pruner", ["successive_halving", "hyperband"])
def test_a_retried_trial_is_compared_at_the_rungs_of_the_one_it_continues(
    pruner: str, tmp_path: Path
) -> None:
    study = study_with(pruner, min_resource=1, max_resource=9 if pruner == "hyperband" else None)
    teller = Teller(study, SweepPaths(tmp_path), parse_policies({"killed": "retry 3"}), "last.ckpt")
    values = [9.0, 8.0, 7.0, 6.0]
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "last.ckpt").touch()
    first = study.ask()
    report(study, first, values)
    teller.tell(study.trial(0), Outcome("killed"))
    lost = study.ask()
    report(study, lost, values[:2])  # and its worker dies while it repeats the reports
    teller.tell(study.trial(lost.number), Outcome("killed"))
    again = study.ask()
    assert again.user_attrs[attributes.RETRY_OF] == lost.number == 1
    reports = Reports(study, again, parse_objectives("minimize", None))
    reports.inherit()
    reports.inherit()
    assert study.trial(again.number).intermediate_values == dict(enumerate(values, start=1))
    control = study_with(pruner, min_resource=1, max_resource=9 if pruner == "hyperband" else None)
    *_, third = (control.ask() for _ in range(3))  # whose number, and so bracket, is the same
    report(control, third, values)
    assert rungs_of(study.trial(again.number)) == rungs_of(control.trial(third.number)) == [9, 7]
