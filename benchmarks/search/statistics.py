"""What replays say: quality at equal cost, ranks with critical differences, speed."""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from benchmarks.search.table import Table
from numpy.typing import NDArray
from scipy.stats import binomtest, friedmanchisquare, rankdata, spearmanr, studentized_range

Array = NDArray[Any]
NUM_BOOTSTRAP = 300
LEAST_SEEDS = 30


@dataclass(frozen=True)
class Results:
    """The searches of one group, task and unit.

    Attributes:
        methods: M names, the baseline first.
        believed, true: (M, S, C) accuracy of the choice, of S seeds, at C costs.
        costs: (C,) in full trainings.
        today: The method that the program's sweep files use.
    """

    methods: list[str]
    believed: Array
    true: Array
    costs: Array
    today: str


def collect(rows: list[dict[str, Any]], costs: Array, today: str) -> Results | None:
    """Return the results of rows of one group, task and unit, with the seeds that all methods have.

    Methods of which there are fewer than 30 seeds are left out; None if all are.
    """
    by_method: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_method.setdefault(row["method"], {})[row["seed"]] = row
    whole = {name: seeds for name, seeds in by_method.items() if len(seeds) >= LEAST_SEEDS}
    if not whole:
        return None
    common = sorted(set.intersection(*(set(seeds) for seeds in whole.values())))

    def stacked(key: str) -> Array:
        return np.array([[seeds[seed][key] for seed in common] for seeds in whole.values()])

    return Results(list(whole), stacked("believed"), stacked("true"), costs, today)


def quartiles(values: Array) -> str:
    """Return median and quartiles of accuracies, in percent."""
    low, middle, high = np.percentile(100 * values, [25, 50, 75])
    return f"{middle:.1f} [{low:.1f}, {high:.1f}]"


def regret(true: Array, best: float, typical: float) -> Array:
    """Return how far accuracies are from the best network, where a random one is at 1."""
    return (best - true) / (best - typical)


def reach(curve: Array, target: float, costs: Array) -> float:
    """Return the first cost at which a curve is at the target; infinite if it never is."""
    places = np.flatnonzero(curve >= target)
    return float(costs[places[0]]) if len(places) else float("inf")


def speed(results: Results, index: int, to: int) -> tuple[float, float, float]:
    """Return how many times as fast a method is at the final quality of the method `to`, by the
    medians over seeds, and its 10 % and 90 % percentiles over bootstrapped seeds; 0 if it never
    gets there.
    """
    generator = np.random.default_rng(0)
    count = results.true.shape[1]
    draws = [np.arange(count), *generator.integers(0, count, (NUM_BOOTSTRAP, count))]
    factors = []
    for draw in draws:
        target = float(np.median(results.true[to][draw, -1]))
        own = reach(np.median(results.true[index][draw], axis=0), target, results.costs)
        base = reach(np.median(results.true[to][draw], axis=0), target, results.costs)
        factors.append(base / own)
    low, high = np.percentile(factors[1:], [10, 90])
    return factors[0], float(low), float(high)


def mean_ranks(true: Array) -> tuple[Array, float, float]:
    """Return mean ranks, the critical difference, and Friedman's p.

    Args:
        true: (M, B) quality of M methods in B blocks.

    The critical difference is Nemenyi's at 0.05 (Demšar 2006, equation 4).
    """
    num_methods, num_blocks = true.shape
    ranks = np.apply_along_axis(rankdata, 0, -true).mean(1)
    p = float(friedmanchisquare(*true).pvalue) if num_methods > 2 else float("nan")
    q = float(studentized_range.ppf(0.95, num_methods, np.inf)) / sqrt(2)
    return ranks, q * sqrt(num_methods * (num_methods + 1) / (6 * num_blocks)), p


def sign_test(one: Array, other: Array) -> tuple[int, int, float]:
    """Return in how many searches one method is ahead of another one with the same seed, in how
    many it is behind, and the p of the sign test; equal ones do not count.

    Args:
        one, other: (S,) quality.
    """
    ahead, behind = int((one > other).sum()), int((one < other).sum())
    p = float(binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0
    return ahead, behind, p


def early_ranks(table: Table) -> list[tuple[int, float, float, float, float]]:
    """Return for each epoch: Spearman's correlation of its validation accuracy with the final one,
    of all networks and of the best quarter; with the other seed's final test accuracy; and the
    share of the best tenth that is in its best third.
    """
    rows = []
    final = table.val.max(axis=2)
    other = table.test[:, ::-1, -1]
    top = final >= np.percentile(final, 75, axis=0)
    tenth = final >= np.percentile(final, 90, axis=0)
    for epoch in range(table.num_epochs):
        value = table.val[:, :, epoch]
        third = value >= np.percentile(value, 200 / 3, axis=0)
        each = [
            (
                spearmanr(value[:, seed], final[:, seed])[0],
                spearmanr(value[top[:, seed], seed], final[top[:, seed], seed])[0],
                spearmanr(value[:, seed], other[:, seed])[0],
                third[tenth[:, seed], seed].mean(),
            )
            for seed in (0, 1)
        ]
        rows.append((epoch + 1, *(float(value) for value in np.mean(each, axis=0))))
    return rows
