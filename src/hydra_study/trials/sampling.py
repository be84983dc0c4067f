"""Build the sampler and the pruner of a worker from their config groups."""

import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import WilcoxonPruner
from optuna.samplers import RandomSampler

from hydra_study.config import PRUNERS
from hydra_study.dotted_path import build
from hydra_study.errors import StudyError, how_to_install
from hydra_study.space.space import Space
from hydra_study.sweep_spec import SweepSpec

_WARMED_UP = [
    f"optuna.pruners.{name}" for name in ("MedianPruner", "PercentilePruner", "ThresholdPruner")
]


def check_sampler(config: Mapping[str, Any]) -> None:
    """Check that the sampler's package, which Optuna imports only later, is installed.

    Raises:
        StudyError: It is not.
    """
    if config.get("_target_") == "optuna.samplers.CmaEsSampler" and find_spec("cmaes") is None:
        raise StudyError(
            "the sampler cmaes needs the package cmaes, which is not installed; "
            + how_to_install("cmaes")
        )


def build_sampler(spec: SweepSpec, index: int, num_trials: int) -> Any:
    """Return the sampler of the worker `index`.

    Its seed depends on the worker and on the number of trials at the start: samplers with the same
    seed would suggest the same points.
    """
    config = dict(spec.options.sampler)
    if config.get("seed") is not None:
        config["seed"] = int(config["seed"]) + 1_000_003 * index + num_trials
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return build(config, "hydra.sweeper.sampler")


def count_from_one(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of an Optuna pruner, which counts steps from 0, for steps from 1.

    `n_warmup_steps` is then the number of reports that are not compared. Successive halving needs
    no change: its resource is the number of steps done.
    """
    nested = dict(config)
    nested |= {
        key: count_from_one(value) for key, value in config.items() if isinstance(value, Mapping)
    }
    if nested.get("_target_") in _WARMED_UP:
        nested["n_warmup_steps"] = int(nested.get("n_warmup_steps", 0)) + 1
    return nested


def build_pruner(spec: SweepSpec) -> Any:
    """Return the pruner; `none` ignores options that a sweep file sets for its own pruner.

    Raises:
        StudyError: It compares with the best trial, which several objectives do not have.
    """
    none, config = PRUNERS["none"], spec.options.pruner
    pruner = build(
        none if config.get("_target_") == none["_target_"] else count_from_one(config),
        "hydra.sweeper.pruner",
    )
    if (
        spec.objectives.prune_on is not None
        and spec.objectives.several
        and isinstance(pruner, WilcoxonPruner)
    ):
        raise StudyError(
            "hydra/sweeper/pruner=wilcoxon compares with the one best trial; choose median with"
            " several objectives"
        )
    return pruner


class GridSampler(RandomSampler):
    """Marker of a grid search, for which the worker queues all points of the space in turn.

    Optuna's `GridSampler` does not support conditions, and the time of its `BruteForceSampler`
    grows with the square of the number of trials.
    """

    def check(self, space: Space) -> None:
        """Check that the space can be enumerated.

        Raises:
            StudyError: It is not finite, or has more than 20,000 points.
        """
        if space.size is None:
            rule = "the sampler grid needs choices or ranges of at most 20,000 points"
            raise StudyError(
                f"{rule}, but the space has an interval or more points; choose another"
                " hydra/sweeper/sampler"
            )
