"""Replay searches at equal cost, on the table's curves and on a surrogate of them.

    python -m benchmarks.search.replay replays.jsonl [--seeds 30] [--only GROUP] [--unit seconds]

One line a search is appended; the same command goes on where it stopped. `summary.py` makes tables
and figures of the file. Schedules alone take seconds for all seeds, samplers up to some seconds a
search.
"""

import argparse
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.search import methods
from benchmarks.search.rows import append_missing
from benchmarks.search.run import Run, SpentError, Unit, at
from benchmarks.search.tasks import NAMES
from benchmarks.search.worlds import SurrogateWorld, TableWorld, World
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler

from hydra_study.space.space import Space
from hydra_study.trials.auto import choose_sampler
from hydra_study.trials.curves import CurveSampler
from hydra_study.trials.startup import RandomStart

# Returns a sampler for a seed.
MakeSampler = Callable[[int, Space], BaseSampler]

# The shares of the budget at which a search's choice is recorded.
SHARES = np.linspace(0.025, 1.0, 40)


@dataclass(frozen=True)
class Way:
    """A method of search.

    Attributes:
        method: How it spends epochs.
        sampler: Returns the sampler for a seed and a space, in worlds that take points.
        pruner: Returns the pruner.
        options: Options of `Run`.
    """

    method: methods.Method = methods.full
    sampler: MakeSampler = lambda seed, space: RandomSampler(seed=seed)
    pruner: Callable[[], BasePruner] | None = None
    options: Mapping[str, Any] | None = None


def tpe(**options: Any) -> MakeSampler:
    """Return the maker of a TPE sampler with the program's number of start-up trials."""
    return lambda seed, space: TPESampler(seed=seed, **({"n_startup_trials": 10} | options))


def started(sampler: MakeSampler) -> MakeSampler:
    """Return the maker of a sampler behind the program's random start, which counts neither queued
    nor refused points; Optuna's samplers count all.
    """
    return lambda seed, space: RandomStart(sampler(seed, space), 10, seed + 500_009)


tpe_group = started(tpe(multivariate=True, group=True))
gp_curves = started(lambda seed, space: CurveSampler(space, seed))


def auto(seed: int, space: Space) -> BaseSampler:
    """Return what the program's `sampler=auto` chooses."""
    makers = {"tpe_group": tpe_group, "gp_curves": gp_curves}
    return makers[choose_sampler(space, several=False)[0]](seed, space)


def median(startup: int, warmup: int) -> Callable[[], BasePruner]:
    """Return the maker of the program's median pruner; `warmup` reports are not compared."""
    return lambda: MedianPruner(n_startup_trials=startup, n_warmup_steps=warmup + 1)


def halving(factor: int) -> Callable[[], BasePruner]:
    """Return the maker of the program's pruner by successive halving."""
    return lambda: SuccessiveHalvingPruner(min_resource=1, reduction_factor=factor)


def hyperband() -> BasePruner:
    """Return the program's Hyperband pruner."""
    return HyperbandPruner(min_resource=1, max_resource=9, reduction_factor=3)


promotion, screening = methods.promotion, methods.screening
asked_at_end = partial(methods.pruned, asks_at_end=True)

PRIOR = {"known": "hand", "use": "prior"}

# Schedules of random points, on the table.
SCHEDULES: dict[str, Way] = {
    "random, full length": Way(),
    "median 5/1": Way(asked_at_end, pruner=median(5, 1)),
    "median 8/4": Way(asked_at_end, pruner=median(8, 4)),
    "successive halving, 3": Way(methods.pruned, pruner=halving(3)),
    "successive halving, 4": Way(methods.pruned, pruner=halving(4)),
    "Hyperband, 3": Way(methods.pruned, pruner=hyperband),
    "promotion 1, 3, 9": Way(partial(promotion, min_steps=1, factor=3)),
    "promotion 1, 2, 4, 8, 9": Way(partial(promotion, min_steps=1, factor=2)),
    "promotion 1, 4, 9": Way(partial(promotion, min_steps=1, factor=4)),
    "promotion 2, 6, 9": Way(partial(promotion, min_steps=2, factor=3)),
    "promotion 3, 9": Way(partial(promotion, min_steps=3, factor=3)),
    "one epoch, 25 %": Way(partial(screening, epochs=1, share=0.25)),
    "one epoch, 50 %": Way(partial(screening, epochs=1, share=0.5)),
    "three epochs, 50 %": Way(partial(screening, epochs=3, share=0.5)),
    "freeze-thaw": Way(methods.freeze_thaw),
}

# Samplers with full trainings, on the surrogate.
SAMPLERS: dict[str, Way] = {
    "random": Way(),
    "TPE (default)": Way(sampler=tpe()),
    "TPE, group": Way(sampler=tpe(multivariate=True, group=True)),
    "TPE, independent": Way(sampler=tpe(multivariate=False)),
    "TPE, 25 start-up": Way(sampler=tpe(n_startup_trials=25)),
    "TPE, 10 start-up that trained": Way(sampler=tpe(n_startup_trials=1), options={"startup": 10}),
    "TPE, refused: failed": Way(sampler=tpe(), options={"told_refusals": "fail"}),
    "TPE, refused: by how much": Way(sampler=tpe(), options={"told_refusals": "excess"}),
    "TPE, former best queued": Way(sampler=tpe(), options={"known": "best", "use": "queue"}),
    "TPE, former best as prior": Way(sampler=tpe(), options={"known": "best", "use": "near"}),
    "TPE, former worst as prior": Way(sampler=tpe(), options={"known": "worst", "use": "near"}),
    "GP of curves": Way(sampler=gp_curves),
}

# Both together, on the surrogate.
SEARCHES: dict[str, Way] = {
    "random, full length": Way(),
    "random, promotion 1, 3, 9": Way(promotion),
    "random, one epoch, 50 %": Way(partial(screening, share=0.5)),
    "TPE, full length (sweeper's default)": Way(sampler=tpe()),
    "TPE, median 5/1": Way(asked_at_end, tpe(), median(5, 1)),
    "TPE, successive halving, 3": Way(methods.pruned, tpe(), halving(3)),
    "TPE, Hyperband, 3": Way(methods.pruned, tpe(), hyperband),
    "Optuna's defaults": Way(
        methods.pruned, lambda seed, space: TPESampler(seed=seed), lambda: MedianPruner()
    ),
    "auto, promotion 1, 3, 9": Way(promotion, auto),
    "auto, promotion 1, 3, 9, hand-made prior": Way(promotion, auto, options=PRIOR),
    "TPE, promotion 1, 3, 9": Way(promotion, tpe_group),
    "TPE, promotion 1, 3, 9, hand-made prior": Way(promotion, tpe_group, options=PRIOR),
    "TPE, promotion 1, 3, 9, Optuna's start-up": Way(promotion, tpe()),
    "GP of curves, full length": Way(sampler=gp_curves),
    "GP of curves, promotion 1, 3, 9": Way(promotion, gp_curves),
    "GP of curves, promotion 1, 3, 9, hand-made prior": Way(promotion, gp_curves, options=PRIOR),
}


@dataclass(frozen=True)
class Group:
    """Methods that are compared, in one world.

    Attributes:
        ways: The methods by name.
        world: Returns the world of a task and seed.
        trainings: The budget in full trainings; promotion begins about four trials for each, so
            that a table should have four times as many networks.
    """

    ways: dict[str, Way]
    world: Callable[[str, int], World]
    trainings: int


GROUPS = {
    "schedules": Group(SCHEDULES, TableWorld, 20),
    "samplers": Group(SAMPLERS, SurrogateWorld, 40),
    "searches": Group(SEARCHES, SurrogateWorld, 40),
}


def search(way: Way, world: World, trainings: int, seed: int, unit: Unit) -> dict[str, Any]:
    """Return what a search found: believed and true accuracy of its choice at each share."""
    budget = trainings * (world.num_epochs if unit == "epochs" else mean_seconds(world))
    sampler = way.sampler(seed, world.task.space) if world.takes_points else None
    run = Run(
        world,
        budget,
        unit,
        sampler,
        way.pruner() if way.pruner else None,
        seed=seed,
        **(way.options or {}),
    )
    with suppress(SpentError):
        way.method(run)
    believed, true = at(run.found, SHARES * budget).round(4).tolist()
    return {
        "believed": believed,
        "true": true,
        "trials": len(run.trials),
        "complete": sum(run.is_done(trial) for trial in run.trials),
        "refused": run.refused,
    }


def mean_seconds(world: World) -> float:
    """Return the mean duration of a full training."""
    table = world.table if isinstance(world, TableWorld) else world.fits.table  # type: ignore[attr-defined]
    return float(table.seconds.sum(2).mean())


def append_searches(
    path: Path,
    places: Iterable[tuple[int, str, str, str, Unit]],
    ways: Mapping[str, Mapping[str, Way]],
) -> None:
    """Append the searches that a file lacks.

    Args:
        path: The file.
        places: Seed, group, task, method and unit of each.
        ways: The methods by group and name.
    """

    def found(seed: int, group: str, task: str, method: str, unit: Unit) -> dict[str, Any]:
        own = GROUPS[group]
        return search(ways[group][method], own.world(task, seed), own.trainings, seed, unit)

    append_missing(path, ("seed", "group", "task", "method", "unit"), places, found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--only", nargs="+", default=list(GROUPS), choices=list(GROUPS))
    parser.add_argument("--tasks", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--methods", nargs="+", help="only these, by their names")
    parser.add_argument("--unit", default="epochs", choices=["epochs", "seconds"])
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of experimental samplers and conditional parameters
    places = (
        (seed, group, task, method, options.unit)
        for seed, group, task in product(range(options.seeds), options.only, options.tasks)
        for method in GROUPS[group].ways
        if method in (options.methods or [method])
    )
    append_searches(options.file, places, {name: group.ways for name, group in GROUPS.items()})


if __name__ == "__main__":
    main()
