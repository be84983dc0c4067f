"""Samples under captions with the true and the predicted answer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from convsweep.pictures.prediction import plane_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
# Of a caption, in inches.
LINE_HEIGHT = 0.16
# Letters that fit above a picture.
LINE = 48


@dataclass(frozen=True)
class Answered:
    """A sample (C, *spatial), its name, its target, and what was made of it."""

    x: NDArray[Any]
    name: str
    true: NDArray[Any]
    predicted: NDArray[Any]


def draw_captioned(samples: Sequence[Answered], captions: Sequence[str]) -> "Figure":
    """Return a grid of samples, signals as curves, each between its caption and its name."""
    from matplotlib.figure import Figure

    columns = min(len(samples), COLUMNS)
    rows = math.ceil(len(samples) / columns)
    lines = max(caption.count("\n") + 1 for caption in captions)
    figure = Figure(figsize=(10, (2.4 + lines * LINE_HEIGHT) * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(samples) :]:
        axes.axis("off")
    for axes, sample, caption in zip(grid.flat, samples, captions, strict=False):
        if sample.x.ndim == 2:
            axes.plot(sample.x.T, linewidth=0.8)
            axes.tick_params(labelsize=6)
        else:
            axes.imshow(plane_of(sample.x))
            axes.set(xticks=[], yticks=[])
        # a name may hold what matplotlib takes for mathematics
        cut = [shorten(line, LINE, placeholder=" ...") for line in caption.splitlines()]
        axes.set_title("\n".join(cut), fontsize=7, parse_math=False)
        axes.set_xlabel(sample.name, fontsize=6, parse_math=False)
    return figure
