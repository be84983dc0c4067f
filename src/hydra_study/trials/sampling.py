"""Build the sampler, the pruner and the schedule of a worker from their config groups."""

import logging
import warnings
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.pruners import WilcoxonPruner
from optuna.samplers import RandomSampler

from hydra_study import attributes
from hydra_study.config import PRUNERS, SAMPLERS, StudyConf
from hydra_study.dotted_path import build
from hydra_study.errors import StudyError, how_to_install
from hydra_study.objectives import Objectives
from hydra_study.space.grammar import make_space
from hydra_study.space.space import Space
from hydra_study.storage.locks import locked
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.auto import choose_sampler, options_of
from hydra_study.trials.prior import PriorSampler
from hydra_study.trials.schedules import Promotion
from hydra_study.trials.startup import RandomStart

log = logging.getLogger("study")

_WARMED_UP = [
    f"optuna.pruners.{name}" for name in ("MedianPruner", "PercentilePruner", "ThresholdPruner")
]
# Between the seed of a sampler and that of the random points before it.
_OTHER_SEED = 500_009


def check_sampler(config: Mapping[str, Any], objectives: Objectives) -> None:
    """Check that the sampler's package, which Optuna imports only later, is installed, and that it
    serves as many objectives as there are.

    Raises:
        StudyError: It is not, or does not.
    """
    target = config.get("_target_")
    if target == SAMPLERS["gp_curves"]["_target_"] and objectives.several:
        raise StudyError(
            "hydra/sweeper/sampler=gp_curves searches for one objective, but got"
            f" {', '.join(objectives.names)}; choose nsga2 or tpe"
        )
    if target == SAMPLERS["cmaes"]["_target_"] and find_spec("cmaes") is None:
        raise StudyError(
            "the sampler cmaes needs the package cmaes, which is not installed; "
            + how_to_install("cmaes")
        )


def count_worker(study: OpenStudy, spec: SweepSpec) -> int:
    """Count a new worker among all that the study has had, and return its number, from 0."""
    with locked(spec.paths.ask_lock, study.patience):
        number = int(study.user_attrs.get(attributes.STUDY_WORKERS, 0))
        study.set_user_attr(attributes.STUDY_WORKERS, number + 1)
    return number


def build_sampler(spec: SweepSpec, number: int, num_trials: int, *, says_so: bool) -> Any:
    """Return the sampler of a worker.

    Its seed depends on the worker and on the number of trials: samplers with the same seed would
    suggest the same points. One with `n_startup_trials` begins with as many random points that
    train.

    Args:
        spec: The sweep.
        number: Number of the worker among all that the study has had (`count_worker`), also of
            other starts, which may run at the same time.
        num_trials: Number of trials at the start.
        says_so: Whether to log what `sampler=auto` chose.
    """
    config = dict(spec.options.sampler)
    if config["_target_"] == SAMPLERS["auto"]["_target_"]:
        config = {"seed": config.get("seed"), **_chosen(spec, says_so=says_so)}
    seed = config.get("seed")
    if seed is not None:
        seed = config["seed"] = int(seed) + 1_000_003 * number + num_trials
    if config["_target_"] == SAMPLERS["gp_curves"]["_target_"]:
        from hydra_study.trials.curves import CurveSampler  # imports scipy, 0.3 s

        sampler: Any = CurveSampler(make_space(spec), seed)
        if says_so and spec.options.suggest is not None:
            log.warning(
                "hydra/sweeper/sampler=gp_curves draws the parameters that hydra.sweeper.suggest=%s"
                " may add at random; tpe learns from them",
                spec.options.suggest,
            )
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            sampler = build(config, "hydra.sweeper.sampler")
    other_seed = None if seed is None else seed + _OTHER_SEED
    n_startup_trials = config.get("n_startup_trials")
    if n_startup_trials is not None:
        sampler = RandomStart(sampler, int(n_startup_trials), other_seed)
    return PriorSampler(sampler, spec.prior, other_seed) if spec.prior else sampler


def _chosen(spec: SweepSpec, *, says_so: bool) -> dict[str, Any]:
    """Return the options of the sampler that suits the space."""
    name, why = choose_sampler(
        make_space(spec),
        several=spec.objectives.several,
        has_hook=spec.options.suggest is not None,
    )
    if says_so:
        log.info("hydra/sweeper/sampler=auto chose %s, since %s", name, why)
    chosen = options_of(name)
    if "n_startup_trials" in chosen:
        chosen["n_startup_trials"] = spec.options.sampler.get("n_startup_trials", 10)
    return chosen


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
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


def find_overruled(options: StudyConf, overrides: Iterable[str]) -> str | None:
    """Return `pruner` or `schedule` if both are on and the command line chooses only the other one,
    which then replaces it.

    Args:
        options: The keys of `hydra.sweeper`.
        overrides: Hydra's own overrides of the command line.
    """
    targets = {"pruner": PRUNERS["none"]["_target_"], "schedule": None}
    if any(
        (getattr(options, name) or {}).get("_target_", off) == off for name, off in targets.items()
    ):
        return None
    keys = {text.lstrip("+").partition("=")[0] for text in overrides}
    left = [name for name in targets if f"hydra/sweeper/{name}" not in keys]
    return left[0] if len(left) == 1 else None


def build_schedule(spec: SweepSpec) -> Promotion | None:
    """Return the schedule, or None for `none`, which ignores options that a sweep file sets.

    Raises:
        StudyError: There is a pruner too, or no reported objective.
    """
    config = spec.options.schedule or {}
    if config.get("_target_") is None:
        return None
    pruner = (spec.options.pruner or PRUNERS["none"])["_target_"]
    if pruner != PRUNERS["none"]["_target_"]:
        raise StudyError(
            "a trial that falls behind is paused by hydra/sweeper/schedule or stopped by"
            f" hydra/sweeper/pruner, not both, but got {config['_target_']} and {pruner}; choose"
            " hydra/sweeper/pruner=none or hydra/sweeper/schedule=none"
        )
    if spec.objectives.several and spec.objectives.prune_on is None:
        raise StudyError(
            "hydra/sweeper/schedule compares one objective, but got"
            f" {', '.join(spec.objectives.names)}; name one by hydra.sweeper.prune_on"
        )
    direction = spec.objectives.reported_direction
    schedule: Promotion = build({**config, "direction": direction}, "hydra.sweeper.schedule")
    return schedule


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
