"""What a replayed search trains: networks of the table, or any point by a surrogate.

A world has no methods that search: it says what the next random network is, or what the network of
a point does, one epoch after the other.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

import numpy as np
from benchmarks.search.table import Table, load_table
from benchmarks.search.tasks import Task, load_task
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution
from scipy import special
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Kernel, Matern, WhiteKernel

Array = NDArray[Any]

MOST_FOR_KERNEL = 400  # points that the kernel's lengths are fitted to, which takes n^3
NEIGHBOURS = 40  # networks of like quality, whose seeds' differences are the noise of a training


@dataclass(frozen=True)
class Network:
    """What a training of a network shows.

    Attributes:
        val: (E,) validation accuracy after each epoch, which a search sees.
        seconds: (E,) of each epoch.
        true: Test accuracy, which no search sees: of another seed (table), or without noise
            (surrogate).
        excess: By which relative amount the network exceeds the budget; at most 0 if it does not.
        values: Of its point.
    """

    val: Array
    seconds: Array
    true: float
    excess: float = 0.0
    values: Mapping[str, Any] = field(default_factory=dict)


class World(Protocol):
    """Networks to train.

    Attributes:
        task: The task, with its space.
        num_epochs: Epochs of a full training.
        takes_points: Whether `network` needs the values of a point.
    """

    task: Task
    num_epochs: int
    takes_points: bool

    def network(self, number: int, values: Mapping[str, Any]) -> Network:
        """Return the network of trial `number`, at a point of the space if the world takes one."""


class TableWorld:
    """The trained networks of the table in random order, each with one of its seeds.

    Args:
        name: Name of the task.
        seed: Determines order and seeds.
        table: The table; None for that of the repository.
    """

    takes_points = False

    def __init__(self, name: str, seed: int, table: Table | None = None) -> None:
        self.task = load_task(name)
        self.table = load_table(name) if table is None else table
        self.num_epochs = self.table.num_epochs
        generator = np.random.default_rng(seed)
        self.order = generator.permutation(len(self.table.points))
        self.seeds = generator.integers(0, 2, len(self.order))

    def network(self, number: int, values: Mapping[str, Any]) -> Network:
        # a budget beyond the table starts it again
        index = self.order[number % len(self.order)]
        seed = self.seeds[index]
        other = self.table.val[index, 1 - seed].argmax()
        return Network(
            self.table.val[index, seed],
            self.table.seconds[index, seed],
            float(self.table.test[index, 1 - seed, other]),
            values=self.task.point(int(self.table.points[index])).values,
        )


class SurrogateWorld:
    """Any point of a space, by Gaussian processes fitted to the table.

    They give the mean of both seeds: validation and test accuracy after each epoch, seconds, and
    the costs that the budget limits. A training's noise is the difference of the two seeds of a
    network of like quality, all epochs of it together, on the logistic scale: a network near 100 %
    has less room above than below.

    Args:
        name: Name of the task.
        seed: Determines the noise.
        table: The table; None for that of the repository.
    """

    takes_points = True

    def __init__(self, name: str, seed: int, table: Table | None = None) -> None:
        self.task = load_task(name)
        self.seed = seed
        self.fits = fitted(name) if table is None else Fits(self.task, table)
        self.num_epochs = self.fits.table.num_epochs

    def network(self, number: int, values: Mapping[str, Any]) -> Network:
        mean = self.fits.predict(values)
        length = self.num_epochs
        val, test = mean[:length], special.expit(mean[length : 2 * length])
        seconds = np.full(length, math.exp(mean[-1]) / length)
        quality = float(special.expit(val.max()))
        noise = self.fits.noise(quality, np.random.default_rng((self.seed, number)))
        return Network(
            special.expit(val + noise),
            seconds,
            float(test[val.argmax()]),
            self.fits.excess(values),
        )


class Fits:
    """The Gaussian processes of a task."""

    def __init__(self, task: Task, table: Table) -> None:
        self.task, self.table = task, table
        x = encoded_points(task, table.points)
        self.quality = fit(x, targets(table))
        everything = np.concatenate([x, encoded_points(task, table.refused)])
        costs = np.log(
            np.stack(
                [
                    np.concatenate([table.params, table.refused_params]),
                    np.concatenate([table.macs, table.refused_macs]),
                ],
                axis=1,
            )
        )
        self.cost = fit(everything, costs, noise=0.01)
        best = table.val.mean(1).max(1)
        self.ranked = best.argsort()
        self.sorted = best[self.ranked]

    def predict(self, values: Mapping[str, Any]) -> Array:
        """Return (2 E + 1,): validation and test as logarithms of the odds, and the logarithm of
        the seconds of a whole training.
        """
        return np.asarray(self.quality.predict(encode(self.task, values)[None])[0])

    def excess(self, values: Mapping[str, Any]) -> float:
        """Return by which relative amount the network of a point exceeds the budget."""
        counts = self.costs(values)
        return float(max(counts[name] / limit - 1 for name, limit in self.task.budget.items()))

    def costs(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Return parameters and multiply-accumulates by the names of their limits."""
        params, macs = np.exp(self.cost.predict(encode(self.task, values)[None])[0])
        return {"max_params": float(params), "max_macs": float(macs)}

    def noise(self, quality: float, generator: np.random.Generator) -> Array:
        """Return (E,): how a training differs from the mean over seeds, on the logistic scale."""
        middle = int(np.searchsorted(self.sorted, quality))
        low = int(np.clip(middle - NEIGHBOURS // 2, 0, max(0, len(self.ranked) - NEIGHBOURS)))
        index = self.ranked[low : low + NEIGHBOURS][
            generator.integers(min(NEIGHBOURS, len(self.ranked)))
        ]
        first, second = logit(self.table.val[index])
        # two seeds differ by sqrt(2) times what one differs from the mean of many
        noise = float(generator.choice([-1, 1])) * (first - second) / math.sqrt(2)
        # an epoch at which one seed collapsed makes the other no better than its best
        return np.minimum(noise, abs(first.max() - second.max()) / math.sqrt(2))


def fit(x: Array, y: Array, noise: float = 0.1) -> GaussianProcessRegressor:
    """Return a Gaussian process (N, F) -> (N, T) with a length scale for each feature.

    Args:
        x: The features, each some 1 wide.
        y: The targets.
        noise: Variance of the targets' noise to begin with, relative to theirs.
    """
    shape = Matern(np.ones(x.shape[1]), (0.1, 30), nu=2.5)
    kernel: Kernel = ConstantKernel() * shape + WhiteKernel(noise, (1e-6, 1))
    some = np.random.default_rng(0).permutation(len(x))[:MOST_FOR_KERNEL]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of features without influence
        kernel = GaussianProcessRegressor(kernel, normalize_y=True).fit(x[some], y[some]).kernel_
    return GaussianProcessRegressor(kernel, normalize_y=True, optimizer=None).fit(x, y)


def logit(accuracy: Array) -> Array:
    """Return the logarithm of the odds of accuracies, which are held to 1 and 99 %."""
    return np.asarray(special.logit(np.clip(accuracy, 0.01, 0.99)))


@cache
def fitted(name: str) -> Fits:
    """Return the Gaussian processes of a task, fitted to the table of the repository."""
    return Fits(load_task(name), load_table(name))


def targets(table: Table) -> Array:
    """Return (P, 2 E + 1): what the surrogate of qualities predicts."""
    seconds = np.log(np.maximum(table.seconds.sum(2).mean(1), 1e-2))
    curves = [logit(table.val.mean(1)), logit(table.test.mean(1))]
    return np.concatenate([*curves, seconds[:, None]], axis=1)


def encoded_points(task: Task, numbers: Array) -> Array:
    """Return the features of the points with these numbers, one a row."""
    rows = [encode(task, task.point(int(number)).values) for number in numbers]
    return np.array(rows).reshape(len(rows), len(encode(task, {})))


def encode(task: Task, values: Mapping[str, Any]) -> Array:
    """Return a point as numbers: 0 to 1 for numbers, one a choice, -1 for what it lacks."""
    features: list[float] = []
    for name, distribution in task.space.searched.items():
        features += encode_value(distribution, values.get(name))
    return np.array(features, np.float32)


def encode_value(distribution: BaseDistribution, value: Any) -> list[float]:
    """Return the features of one parameter."""
    if isinstance(distribution, CategoricalDistribution):
        if value is None:
            return [-1.0] * len(distribution.choices)
        return [float(choice == value) for choice in distribution.choices]
    if value is None:
        return [-1.0]
    low, high = float(distribution.low), float(distribution.high)  # type: ignore[attr-defined]
    if distribution.log:  # type: ignore[attr-defined]
        return [math.log(value / low) / math.log(high / low)]
    return [(value - low) / (high - low)]
