"""Figure of a layer's matrix: tied entries, and values of the weights."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from convsweep.linear_map import LinearMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Largest number of rows and columns, unless a single channel has more.
MAX_SIDE = 512
# The same for a single channel: more than a picture has pixels.
LARGEST_SIDE = 1024
NUM_COLOURS = 20


def draw_matrix(found: LinearMap, name: str) -> "Figure":
    """Return a figure with two panels: the entries of W in one colour for each weight, and their
    values.
    """
    from matplotlib.figure import Figure

    side = square(found)
    numbers = corner(found, found.numbers.numpy() % NUM_COLOURS, side)
    values = corner(found, found.weights[found.numbers].float().numpy(), side)
    figure = Figure(figsize=(10, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.imshow(numbers, cmap="tab20", vmin=0, vmax=NUM_COLOURS - 1, interpolation="nearest")
    limit = float(found.weights.abs().max()) or 1.0
    shown = right.imshow(values, cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest")
    figure.colorbar(shown, ax=right, shrink=0.7)
    left.set(
        title=f"one colour a weight ({len(found.weights):,} weights)",
        ylabel="outputs",
        xlabel="inputs",
    )
    right.set(title="the weights' values", xlabel="inputs")
    figure.suptitle(caption(found, name, side), fontsize=10)
    return figure


def caption(found: LinearMap, name: str, side: tuple[int, int]) -> str:
    """Return a caption with the sizes of the matrix."""
    rows, columns = found.shape
    cut = f"; first {side[0]:,} x {side[1]:,} shown" if side != found.shape else ""
    free = f"{found.num_free:,} learnt" if found.is_learnt else "none learnt"
    return (
        f"{name}: W is {rows:,} x {columns:,}, {found.num_places / (rows * columns):.2%} of it"
        f" weights, {free} (a dense layer: {rows * columns:,}){cut}"
    )


def square(found: LinearMap) -> tuple[int, int]:
    """Return the number of rows and columns to draw: whole channels, at least one (unless it is
    huge), about square.
    """
    limit = min(MAX_SIDE, *found.shape)
    rows, columns = (
        min(size, LARGEST_SIDE, max(limit // (size // shape[0]), 1) * (size // shape[0]))
        for size, shape in zip(found.shape, (found.out_shape, found.in_shape), strict=True)
    )
    return rows, columns


def corner(
    found: LinearMap, values: NDArray[np.float32] | NDArray[np.int64], side: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the upper left part of the matrix with these values at the structural non-zeros, NaN
    elsewhere.
    """
    rows, columns = found.rows.numpy(), found.columns.numpy()
    inside = (rows < side[0]) & (columns < side[1])
    dense = np.full(side, np.nan, np.float32)
    dense[rows[inside], columns[inside]] = values[inside]
    return dense
