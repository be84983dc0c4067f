"""Predicted against true numbers: points, the line on which both are equal, and the mean truth of
like predictions (calibration).
"""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 3
# Drawn in a plot; more only overlap.
MAX_POINTS = 5_000
# Groups of similar predictions whose means are joined, and samples that each has at least.
MAX_GROUPS, SMALLEST_GROUP = 10, 5
POINTS, MEANS = "#0072b2", "#d55e00"


def draw_agreement(
    predicted: NDArray[np.float32], true: NDArray[np.float32], names: Sequence[str]
) -> "Figure":
    """Return a picture with a plot a number.

    The orange line joins groups of equal size, ordered by prediction: mean prediction and mean
    truth of each. Where a network is calibrated, it lies on the grey line.

    Shape:
        predicted, true: (N, K) for K names
    """
    from matplotlib.figure import Figure

    columns = min(len(names), COLUMNS)
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(3.6 * columns + 0.4, 3.6 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(names) :]:
        axes.axis("off")
    shown = np.unique(np.linspace(0, len(true) - 1, min(len(true), MAX_POINTS)).astype(int))
    for number, name in enumerate(names):
        axes, p, t = grid.flat[number], predicted[:, number], true[:, number]
        ends = [min(p.min(), t.min()), max(p.max(), t.max())]
        axes.plot(ends, ends, color="grey", linewidth=0.8)
        axes.scatter(p[shown], t[shown], s=6, alpha=0.4, color=POINTS, linewidths=0)
        axes.plot(*calibration(p, t), color=MEANS, marker="o", markersize=3, linewidth=1)
        axes.set_title(name, fontsize=9, parse_math=False)
        axes.tick_params(labelsize=7)
    figure.supxlabel("predicted", fontsize=9)
    figure.supylabel("true", fontsize=9)
    return figure


def calibration(
    predicted: NDArray[np.float32], true: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean prediction and mean truth of groups of samples with like predictions, up to ten.

    Shape:
        predicted, true: (N,) -> (groups,), (groups,)
    """
    groups = max(1, min(MAX_GROUPS, len(true) // SMALLEST_GROUP))
    parts = np.array_split(np.argsort(predicted, kind="stable"), groups)
    means = [(predicted[part].mean(dtype=float), true[part].mean(dtype=float)) for part in parts]
    first, second = zip(*means, strict=True)
    return np.array(first), np.array(second)
