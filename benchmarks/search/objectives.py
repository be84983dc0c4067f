"""Replay samplers for two objectives: accuracy and number of parameters, on the surrogate.

    python -m benchmarks.search.objectives objectives.jsonl [--seeds 30] [--methods random NSGA-II]
    python -m benchmarks.search.objectives objectives.jsonl --write     # docs/search.md

Full trainings. One line a search is appended; the same command goes on where it stopped. A search
sees accuracies with noise; what counts are those without.
"""

import argparse
import math
import warnings
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from benchmarks.search.replay import MakeSampler, started, tpe, tpe_group
from benchmarks.search.rows import append_missing, read_rows
from benchmarks.search.run import MAX_REFUSALS
from benchmarks.search.statistics import mean_ranks
from benchmarks.search.summary import write_parts
from benchmarks.search.tasks import NAMES
from benchmarks.search.worlds import SurrogateWorld
from optuna.samplers import BaseSampler, NSGAIISampler, RandomSampler
from optuna.trial import TrialState

METHODS: dict[str, MakeSampler] = {
    "random": lambda seed, space: RandomSampler(seed=seed),
    "TPE": started(tpe()),
    "TPE, group": tpe_group,
    "NSGA-II": lambda seed, space: NSGAIISampler(seed=seed, population_size=20),
}
SHOWN = (20, 40, 100)


def hypervolume(points: Sequence[tuple[float, float]], most: float) -> float:
    """Return the area that points (accuracy, parameters) dominate: accuracy times decades of
    parameters below `most`.
    """
    area, fewest = 0.0, most
    for accuracy, params in sorted(points, reverse=True):
        if params < fewest:
            area += accuracy * math.log10(fewest / params)
            fewest = params
    return area


def search(sampler: BaseSampler, world: SurrogateWorld) -> list[float]:
    """Return the hypervolume after each number of trainings in `SHOWN`; points that the budget
    refuses are told as constraints and do not count.
    """
    study = optuna.create_study(directions=["maximize", "minimize"], sampler=sampler)
    points: list[tuple[float, float]] = []
    found = []
    for number in range(SHOWN[-1] + MAX_REFUSALS):
        trial = study.ask()
        values = world.task.space.point(trial._suggest).values
        network = world.network(number, values)
        if network.excess > 0:
            trial.set_constraint("infeasible", network.excess)
            study.tell(trial, state=TrialState.PRUNED)
            continue
        params = world.fits.costs(values)["max_params"]
        study.tell(trial, [float(network.val.max()), params])
        points.append((network.true, params))
        if len(points) in SHOWN:
            found.append(hypervolume(points, world.task.budget["max_params"]))
        if len(points) == SHOWN[-1]:
            break
    return found


def table_of_fronts(rows: list[dict[str, Any]], task: str) -> str:
    """Return the methods' hypervolumes and ranks over the seeds that all of them have."""
    by_method: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        if row["task"] == task:
            by_method.setdefault(row["method"], {})[row["seed"]] = row["hypervolume"]
    common = sorted(set.intersection(*(set(own) for own in by_method.values())))
    found = np.array([[own[seed] for seed in common] for own in by_method.values()])
    columns = [mean_ranks(found[:, :, place]) for place in range(len(SHOWN))]
    lines = [
        "| method | " + " | ".join(f"hypervolume, {count} | mean rank" for count in SHOWN) + " |",
        "|---" * (1 + 2 * len(SHOWN)) + "|",
    ]
    for index, name in enumerate(by_method):
        cells = []
        for place, (ranks, difference, _) in enumerate(columns):
            mark = " *" if ranks[index] - ranks.min() <= difference else ""
            quarters = np.percentile(found[index, :, place], [25, 50, 75])
            cells.append("{1:.2f} [{0:.2f}, {2:.2f}]".format(*quarters))
            cells.append(f"{ranks[index]:.2f}{mark}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines.append(
        f"\n{len(common)} seeds; critical difference {columns[0][1]:.2f}; * not significantly"
        " behind the first."
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--write", action="store_true", help="the tables into docs/search.md")
    options = parser.parse_args()
    if options.write:
        rows = read_rows(options.file)
        write_parts({f"objectives {task}": table_of_fronts(rows, task) for task in NAMES})
        return
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)

    def found(seed: int, task: str, method: str) -> dict[str, Any]:
        world = SurrogateWorld(task, seed)
        return {"hypervolume": search(METHODS[method](seed, world.task.space), world)}

    places = product(range(options.seeds), NAMES, options.methods)
    append_missing(options.file, ("seed", "task", "method"), places, found)


if __name__ == "__main__":
    main()
