"""Precision against recall of each label."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of plots in a row, and labels that have one.
COLUMNS, MAX_LABELS = 4, 40


def draw_precision_recall(
    precision: NDArray[np.float32],
    recall: NDArray[np.float32],
    shares: Sequence[float],
    titles: Sequence[str],
) -> "Figure":
    """Return a figure with a plot for each label, up to 40.

    Args:
        shares: fraction of samples with each label, which is the precision of guessing: a grey
            line.
        titles: of the plots.

    Shape:
        precision, recall: (N, K) for K titles, along the curves
    """
    from matplotlib.figure import Figure

    count = min(len(titles), MAX_LABELS)
    columns = min(count, COLUMNS)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(2.6 * columns + 0.4, 2.6 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[count:]:
        axes.axis("off")
    for label, title in enumerate(titles[:count]):
        axes = grid.flat[label]
        axes.axhline(shares[label], color="grey", linewidth=0.8)
        axes.plot(recall[:, label], precision[:, label], color="#0072b2", linewidth=1)
        axes.set_title(title, fontsize=9, parse_math=False)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.tick_params(labelsize=7)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    return figure
