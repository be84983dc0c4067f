"""The sampler and the pruner of a worker, from their config groups."""

import warnings
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import WilcoxonPruner

from .errors import StudyError
from .load import build
from .recipe import Recipe


def build_sampler(recipe: Recipe, index: int, num_trials: int) -> Any:
    """Return the sampler of the worker `index`.

    Its seed differs from worker to worker and from start to start: two samplers of one seed suggest the same points.
    """
    config = dict(recipe.options.sampler)
    if config.get("seed") is not None:
        config["seed"] = int(config["seed"]) + 1_000_003 * index + num_trials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return build(config, "hydra.sweeper.sampler")


def build_pruner(recipe: Recipe) -> Any:
    """Return the pruner.

    Raises:
        StudyError: It compares with the best trial, and several objectives have none.
    """
    pruner = build(recipe.options.pruner, "hydra.sweeper.pruner")
    if recipe.objectives.prune_on is not None and recipe.objectives.several and isinstance(pruner, WilcoxonPruner):
        raise StudyError("hydra/sweeper/pruner=wilcoxon compares with the one best trial; choose median with several objectives")
    return pruner
