"""Replay searches by NePS, Ray Tune and SMAC3, by their own code.

    uv pip install neural-pipeline-search==0.17.0 "ray[tune]==2.60.0" smac==2.4.1 "optuna>=5" \\
        hydra-core scikit-learn
    PYTHONPATH=.:src python -m benchmarks.search.peers replays.jsonl [--seeds 50] [--only GROUP]

In an environment of its own, since NePS holds other packages back. On the table's curves, NePS and
Ray Tune get random points, so that schedules alone are compared: NePS draws a number, and each new
one is the next network of the table. On the surrogate of the flat space, NePS's PriorBand and SMAC3
propose points. A trial that NePS continues pays for its further epochs only.
"""

import argparse
import logging
import warnings
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import neps
from benchmarks.search import methods
from benchmarks.search.neps_space import neps_space, seed_all
from benchmarks.search.replay import Way, append_searches
from benchmarks.search.run import Run, Trial, Unit
from benchmarks.search.tasks import NAMES, flat_name
from ConfigSpace import Categorical, ConfigurationSpace, Float, Integer, OrdinalHyperparameter
from neps.optimizers import algorithms
from neps.optimizers.ask_and_tell import AskAndTell
from neps.space.neps_spaces.neps_space import NepsCompatConverter, resolve
from neps.space.neps_spaces.sampling import OnlyPredefinedValuesSampler
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from ray.tune.schedulers import AsyncHyperBandScheduler, TrialScheduler
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialValue

# Points of a search of 40 trainings, refused ones included.
SMAC_TRIALS = 80


def neps_method(run: Run, algorithm: str) -> None:
    """Ask NePS for the next configuration and its epochs, one worker."""
    space = neps.SearchSpace(
        {"x": neps.Float(0.0, 1.0), "epochs": neps.Integer(1, run.num_epochs, is_fidelity=True)}
    )
    asked = AskAndTell(getattr(algorithms, algorithm)(space))
    trials: dict[str, Trial] = {}
    while True:
        one = asked.ask()
        # the number of the configuration, then that of the rung
        key = str(one.id).split("_")[0]
        trial = trials.get(key) or trials.setdefault(key, run.new())
        while trial.done < int(one.config["epochs"]):
            run.train(trial)
        if run.is_done(trial):
            run.complete(trial)
        asked.tell(one, {"objective_to_minimize": 1 - trial.last})


def ray_asha(run: Run, factor: int = 3) -> None:
    """Ask Ray Tune's ASHA after every epoch; a trial that it stops never goes on."""
    scheduler = AsyncHyperBandScheduler(
        time_attr="training_iteration",
        metric="value",
        mode="max",
        max_t=run.num_epochs,
        grace_period=1,
        reduction_factor=factor,
    )
    controller: Any = None
    while True:
        trial = run.new()
        seen: Any = SimpleNamespace(trial_id=str(trial.number))
        scheduler.on_trial_add(controller, seen)
        while not run.is_done(trial):
            run.train(trial)
            result = {"training_iteration": trial.done, "value": trial.last}
            if run.is_done(trial):
                scheduler.on_trial_complete(controller, seen, result)
                run.complete(trial)
            elif scheduler.on_trial_result(controller, seen, result) == TrialScheduler.STOP:
                run.prune(trial)
                break


def neps_points(run: Run, algorithm: str, *, has_prior: bool) -> None:
    """Ask NePS for the next point and its epochs; a point beyond the budget has the accuracy 0."""
    task = run.world.task
    space = neps_space(task, has_prior=has_prior)
    asked = AskAndTell(getattr(algorithms, algorithm)(space))
    seed_all(run.seed)
    trials: dict[str, Trial | None] = {}
    while True:
        one = asked.ask()
        config = NepsCompatConverter.from_neps_config(one.config)
        key = str(one.id).split("_")[0]
        if key not in trials:
            chosen = OnlyPredefinedValuesSampler(config.predefined_samplings)
            resolved, _ = resolve(space, chosen, config.environment_values)
            values = dict(resolved.get_attrs())
            trials[key] = run.at({name: values[flat_name(name)] for name in task.space.searched})
        trial = trials[key]
        if trial is not None:
            while trial.done < int(config.environment_values["epochs"]):
                run.train(trial)
            if run.is_done(trial):
                run.complete(trial)
        asked.tell(one, {"objective_to_minimize": 1.0 if trial is None else 1 - trial.last})


def smac_points(run: Run) -> None:
    """Ask SMAC3's facade for hyperparameters for the next point, and train it in full; a point
    beyond the budget has the accuracy 0.
    """
    task = run.world.task
    space = ConfigurationSpace(seed=run.seed)
    space.add([smac_parameter(name, each) for name, each in task.space.searched.items()])
    with TemporaryDirectory() as folder:
        # its first design is a quarter of the trials at most
        scenario = Scenario(
            space,
            output_directory=Path(folder),
            deterministic=True,
            n_trials=SMAC_TRIALS,
            seed=run.seed,
        )
        facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False
        )
        while True:
            asked = facade.ask()
            trial = run.at(dict(asked.config))
            if trial is not None:
                methods.finish(run, trial)
            facade.tell(asked, TrialValue(cost=1.0 if trial is None else 1 - trial.value))


def smac_parameter(name: str, each: BaseDistribution) -> Any:
    """Return a parameter of ConfigSpace."""
    if isinstance(each, FloatDistribution):
        return Float(name, (each.low, each.high), log=each.log)
    if isinstance(each, IntDistribution) and each.step == 1:
        return Integer(name, (each.low, each.high), log=each.log)
    if isinstance(each, IntDistribution):
        return OrdinalHyperparameter(name, list(range(each.low, each.high + 1, each.step)))
    assert isinstance(each, CategoricalDistribution)
    return Categorical(name, list(each.choices))


PEERS = {
    "schedules": {
        "NePS, ASHA": Way(partial(neps_method, algorithm="asha")),
        "NePS, Hyperband": Way(partial(neps_method, algorithm="hyperband")),
        "Ray Tune, ASHA 3": Way(ray_asha),
    },
    "samplers": {"SMAC3": Way(smac_points)},
    "searches": {
        "NePS, Hyperband": Way(partial(neps_points, algorithm="neps_hyperband", has_prior=False)),
        "NePS, PriorBand, hand-made prior": Way(
            partial(neps_points, algorithm="neps_priorband", has_prior=True)
        ),
    },
}
# Conditions of the space of signals have no form in all of these.
FLAT = "images"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--tasks", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--only", nargs="+", default=list(PEERS), choices=list(PEERS))
    parser.add_argument("--methods", nargs="+", help="only these, by their names")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    places: Iterator[tuple[int, str, str, str, Unit]] = (
        (seed, group, task, method, "epochs")
        for seed, group, task in product(range(options.seeds), options.only, options.tasks)
        if group == "schedules" or task == FLAT
        for method in PEERS[group]
        if method in (options.methods or [method])
    )
    append_searches(options.file, places, PEERS)


if __name__ == "__main__":
    main()
