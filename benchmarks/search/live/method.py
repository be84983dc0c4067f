"""The searches that are Python functions: random search, and peers by their own code.

    python -m benchmarks.search.live.method random|neps|neps_prior|ray|ray_prior|keras

Each calls the same trial (`trial.py`) until the command that started it ends it. A network beyond
the budget has the accuracy 0 for them, since none has a word for it. NePS and Ray Tune are told the
network made by hand where it says `prior`.
"""

import random
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.search.live.trial import STATE, LiveTrial, load_setup
from benchmarks.search.tasks import by_flat_name, load_task
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from convsweep.errors import InfeasibleError

MANY = 1_000_000  # the time ends the search


def search_at_random() -> None:
    """Train random points to the end."""
    setup = load_setup()
    space, generator = load_task(setup.task).space, random.Random(setup.seed)
    while True:
        train(by_flat_name(space.random(generator).values))


def search_by_neps(*, has_prior: bool = False) -> None:
    """Search by NePS with its choice of the algorithm: PriorBand with a prior, else Hyperband."""
    import neps
    from benchmarks.search.neps_space import neps_space, seed_all

    def evaluate_pipeline(
        pipeline_directory: Path, previous_pipeline_directory: Path | None, **values: Any
    ) -> float:
        epochs = values.pop("epochs")
        known = previous_pipeline_directory and Path(previous_pipeline_directory) / STATE
        return 1 - train(values, epochs, known, Path(pipeline_directory))

    setup = load_setup()
    seed_all(setup.seed)
    neps.run(
        evaluate_pipeline,
        neps_space(load_task(setup.task), has_prior=has_prior),
        root_directory=Path(setup.folder) / "neps",
        worker_evaluations_to_spend=MANY,
    )


def search_by_ray(*, has_prior: bool = False) -> None:
    """Search by Ray Tune with Optuna's TPE and asynchronous successive halving; with a prior the
    network made by hand is its first point.
    """
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def trainable(values: dict[str, Any]) -> None:
        try:
            for val in LiveTrial(values).epochs():
                tune.report({"val": val})
        except InfeasibleError:
            tune.report({"val": 0.0})

    setup = load_setup()
    task = load_task(setup.task)
    space = by_flat_name(task.space.searched)
    first = [by_flat_name(task.hand_made)] if has_prior else None
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    tune.Tuner(
        tune.with_resources(trainable, {"cpu": 1}),
        tune_config=tune.TuneConfig(
            num_samples=MANY,
            max_concurrent_trials=1,
            reuse_actors=True,  # else each trial imports torch anew
            search_alg=OptunaSearch(
                space, metric="val", mode="max", seed=setup.seed, points_to_evaluate=first
            ),
            scheduler=ASHAScheduler(
                metric="val",
                mode="max",
                max_t=task.max_epochs,
                grace_period=1,
                reduction_factor=3,
            ),
        ),
        run_config=tune.RunConfig(storage_path=f"{setup.folder}/ray", verbose=0),
    ).fit()


def search_by_keras() -> None:
    """Search by Keras Tuner's Hyperband; a trial that it continues resumes from its state."""
    import keras_tuner

    setup = load_setup()
    task = load_task(setup.task)
    folder = Path(setup.folder) / "keras"
    space = keras_tuner.HyperParameters()
    for name, each in by_flat_name(task.space.searched).items():
        if isinstance(each, CategoricalDistribution):
            space.Choice(name, list(each.choices))
        elif isinstance(each, IntDistribution):
            # no step together with a logarithm
            step = {"sampling": "log"} if each.log else {"step": each.step}
            space.Int(name, each.low, each.high, **step)
        elif isinstance(each, FloatDistribution):
            space.Float(name, each.low, each.high, sampling="log" if each.log else "linear")

    class Tuner(keras_tuner.Hyperband):  # type: ignore[misc]
        """Hyperband that runs our trial in place of a Keras model."""

        def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
            values = dict(trial.hyperparameters.values)
            plan = {name: values.pop(name) for name in list(values) if name.startswith("tuner/")}
            former = plan.get("tuner/trial_id")
            known = folder / former / STATE if former else None
            return train(values, plan["tuner/epochs"], known, folder / trial.trial_id)

    Tuner(
        objective=keras_tuner.Objective("val", "max"),
        max_epochs=task.max_epochs,
        factor=3,
        hyperband_iterations=MANY,
        seed=setup.seed,
        hyperparameters=space,
        tune_new_entries=False,
        directory=setup.folder,
        project_name="keras",
    ).search(verbose=0)


def train(
    values: Mapping[str, Any],
    epochs: int | None = None,
    known: Path | None = None,
    folder: Path | None = None,
) -> float:
    """Return the last validation accuracy of a point after a number of epochs, by default all.

    Args:
        values: The point, by flat name.
        epochs: Until when to train.
        known: State to resume from, if the file is there.
        folder: Where to leave the state.
    """
    try:
        live = LiveTrial(values, known if known and known.exists() else None)
    except InfeasibleError:
        return 0.0
    val = 0.0
    for val in live.epochs(epochs):  # noqa: B007 - the last one
        pass
    if folder is not None:
        live.save(folder)
    return val


SEARCHES = {
    "random": search_at_random,
    "neps": search_by_neps,
    "neps_prior": partial(search_by_neps, has_prior=True),
    "ray": search_by_ray,
    "ray_prior": partial(search_by_ray, has_prior=True),
    "keras": search_by_keras,
}

if __name__ == "__main__":
    SEARCHES[sys.argv[1]]()
