"""Pruning saves epochs and keeps the best, with one objective and with several."""

import pytest

from hydra_plugins.study.search.errors import StudyError
from hydra_plugins.study.search.sampling import check_sampler

from .conftest import MakeToy, Toy

# Learning curves that never cross: the value after every epoch is x plus a term that falls.
CURVE = """
    link = trial.current()
    for epoch in range(10):
        time.sleep(0.01)
        with open("epochs.txt", "a") as log: log.write(f"{link.number} {epoch}\\n")
        if link.report(epoch, cfg.x + 1 / (epoch + 1)): raise trial.Pruned(f"after {epoch}")
    return cfg.x + 0.1
"""
BOTH = CURVE.replace("return cfg.x + 0.1", "return {'loss': cfg.x + 0.1, 'cost': 1 - cfg.x}")


def epochs(app: Toy) -> int:
    return len((app.folder / "epochs.txt").read_text().splitlines())


def test_pruning_saves_epochs_and_keeps_the_best(toy: MakeToy) -> None:
    options = "n_trials: 24\nslots: 2\nparams: {x: 'interval(0,1)'}\nsampler: {seed: 3}"
    without, with_ = toy(CURVE, sweeper=options), toy(CURVE, sweeper=options)
    without.run("hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=3", "hydra.sweeper.slots=1")
    with_.run(
        "hydra/sweeper/sampler=random", "hydra.sweeper.sampler.seed=3", "hydra/sweeper/pruner=median", "hydra.sweeper.slots=1"
    )
    xs = [[trial.params["x"] for trial in app.trials()] for app in (without, with_)]
    assert xs[0] == xs[1], "the same seed in one slot gives the same trials"
    assert epochs(without) == 240
    assert epochs(with_) < 0.75 * 240
    assert with_.study().best_value == without.study().best_value
    assert set(with_.kinds()) == {"complete", "pruned"}
    pruned = next(t for t, kind in zip(with_.trials(), with_.kinds(), strict=True) if kind == "pruned")
    assert pruned.user_attrs["reason"].startswith("after ")
    assert pruned.value == pruned.intermediate_values[max(pruned.intermediate_values)]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_two_objectives_give_a_pareto_front_and_prune_on_the_named_one(toy: MakeToy, sampler: str) -> None:
    options = "n_trials: 24\nslots: 2\nparams: {x: 'interval(0,1)'}\ndirection: {loss: minimize, cost: minimize}\n"
    app = toy(BOTH, sweeper=options + "prune_on: loss")
    app.run("hydra/sweeper/pruner=median", f"hydra/sweeper/sampler={sampler}")
    assert set(app.kinds()) == {"complete", "pruned"}
    assert epochs(app) < 240
    complete = [trial for trial in app.trials() if trial.values is not None]
    front = app.study().best_trials
    assert app.study().metric_names == ["loss", "cost"]
    assert all(trial.values == pytest.approx([trial.params["x"] + 0.1, 1 - trial.params["x"]]) for trial in complete)
    assert len(front) == len(complete), "the objectives oppose each other, so every complete trial is on the front"
    free = toy(BOTH, sweeper=options)
    free.run("hydra/sweeper/pruner=median")
    assert set(free.kinds()) == {"complete"}, "without prune_on nothing is pruned"
    assert "choose median" in app.run("hydra/sweeper/pruner=wilcoxon", code=1)


@pytest.mark.parametrize("pruner", ["percentile", "successive_halving", "hyperband", "patient", "threshold", "wilcoxon"])
def test_every_pruner_runs(toy: MakeToy, pruner: str) -> None:
    app = toy(CURVE, sweeper="n_trials: 8\nslots: 4\nparams: {x: 'interval(0,1)'}")
    extra = ["hydra.sweeper.pruner.upper=1.5"] if pruner == "threshold" else []
    app.run(f"hydra/sweeper/pruner={pruner}", *extra)
    assert len(app.trials()) == 8
    assert set(app.kinds()) <= {"complete", "pruned"}


def test_a_sampler_whose_package_is_missing_is_refused_before_the_first_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydra_plugins.study.search.sampling.find_spec", lambda name: None)
    check_sampler({"_target_": "optuna.samplers.TPESampler"})
    with pytest.raises(StudyError, match="run: uv sync --extra cmaes"):
        check_sampler({"_target_": "optuna.samplers.CmaEsSampler"})


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc", "gp", "nsga2", "nsga3", "cmaes"])
def test_every_sampler_runs_on_a_conditional_space(toy: MakeToy, sampler: str) -> None:
    pytest.importorskip("cmaes" if sampler == "cmaes" else "torch" if sampler == "gp" else "optuna")
    params = "{x: 'interval(0,1)', n: 'range(1,3)', y: {values: 'interval(0,1)', when: n == 2}}"
    app = toy("return cfg.x + (cfg.y if cfg.n == 2 else 1)", "x: 0\nn: 1\ny: 0", f"n_trials: 11\nslots: 2\nparams: {params}")
    output = app.run(f"hydra/sweeper/sampler={sampler}", "hydra.sweeper.sampler.seed=1")
    assert set(app.kinds()) == {"complete"}
    assert all(("y" in trial.params) == (trial.params["n"] == 2) for trial in app.trials())
    assert "Warning" not in output.replace("Hydra15MigrationWarning", ""), output
