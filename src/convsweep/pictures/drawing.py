"""Figures of confusion matrices and predictions; matplotlib is imported on first use."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from convsweep.pictures.prediction import Plane, Prediction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More names, and more numbers in the cells of a confusion matrix, would not be readable.
MAX_LABELLED_CLASSES, MAX_NUMBERED_CLASSES = 40, 20
RIGHT, WRONG = "#1a7f37", "#b3261e"
MASK_OPACITY = 0.5
CODES = "f0e442 d55e00 56b4e9 009e73 e69f00 0072b2 cc79a7 ffffff"
# Colours of classes that are distinguishable with colour blindness (Okabe and Ito 2008, tissue-like
# hues not first), and white.
PALETTE = np.array([list(bytes.fromhex(code)) for code in CODES.split()], np.uint8)
# Letters of two class names that fit into one line above a picture.
LINE = 24
# Classes in a row of a legend, and height of a row in inches.
LEGEND_COLUMNS, LEGEND_ROW = 8, 0.22


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str], title: str) -> "Figure":
    """Return a figure of a confusion matrix: colours are shares of the true class (row), numbers
    are counts.
    """
    from matplotlib.figure import Figure

    num_classes = len(counts)
    size = min(14.0, max(4.0, 0.45 * num_classes + 2))
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=title, xlabel="predicted", ylabel="true")
    if num_classes <= MAX_LABELLED_CLASSES:
        axes.set_xticks(range(num_classes), names, rotation=90)
        axes.set_yticks(range(num_classes), names)
    if num_classes <= MAX_NUMBERED_CLASSES:
        for row, column in np.argwhere(counts):
            colour = "white" if share[row, column] > 0.5 else "black"
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                color=colour,
                fontsize=7,
            )
    return figure


def draw_predictions(predictions: Sequence[Prediction], names: Sequence[str]) -> "Figure":
    """Return a grid of samples, each with its true and predicted class, or beside its true and
    predicted mask.
    """
    from matplotlib.figure import Figure

    is_strip = predictions[0].is_mask and predictions[0].dim > 1
    # a volume is drawn as nine slices in a row
    columns, row_height = (
        (1, 1.5) if is_strip and predictions[0].dim == 3 else (2, 1.9) if is_strip else (4, 2.6)
    )
    num_columns = min(len(predictions), columns)
    num_rows = math.ceil(len(predictions) / num_columns)
    drawn = drawn_classes(predictions, len(names)) if is_strip else []
    legend_height = LEGEND_ROW * math.ceil(len(drawn) / LEGEND_COLUMNS)
    height = row_height * num_rows + legend_height
    figure = Figure(figsize=(10, height))
    # fixed margins: matplotlib's layout engines take longer than drawing
    figure.subplots_adjust(
        left=0.04,
        right=0.96,
        bottom=(0.25 + legend_height) / height,
        top=1 - 0.3 / height,
        wspace=0.15,
        hspace=0.2,
    )
    if drawn:
        _draw_legend(figure, {names[number]: color_of(number) for number in drawn})
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    for axes, prediction in zip(grid.flat, predictions, strict=False):
        if prediction.dim == 1:
            _draw_signal(axes, prediction)
        else:
            axes.imshow(mask_strip(prediction) if prediction.is_mask else prediction.plane())
        is_right = not prediction.is_mask and prediction.truth == prediction.predicted
        colour = "black" if prediction.is_mask else RIGHT if is_right else WRONG
        axes.set_title(caption(prediction, names), fontsize=8, color=colour)
    return figure


def drawn_classes(predictions: Sequence[Prediction], num_classes: int) -> list[int]:
    """Return the classes that occur in the masks, without class 0, which is not painted."""
    found = {
        int(value) for each in predictions for mask in each.masks() for value in np.unique(mask)
    }
    return sorted(number for number in found if 0 < number < num_classes)


def _draw_legend(figure: "Figure", colours: Mapping[str, NDArray[np.uint8]]) -> None:
    from matplotlib.patches import Patch

    figure.legend(
        handles=[
            Patch(facecolor="#" + bytes(colour).hex(), edgecolor="grey", linewidth=0.5, label=name)
            for name, colour in colours.items()
        ],
        loc="lower center",
        ncols=min(len(colours), LEGEND_COLUMNS),
        fontsize=8,
        frameon=False,
    )


def caption(prediction: Prediction, names: Sequence[str]) -> str:
    """Return `cat, taken for dog (87 %)`, or the names of a segmentation's three panels."""
    if prediction.is_mask:
        agreement = float((prediction.truth == prediction.predicted).mean())
        return f"{prediction.name}: sample, true, predicted ({agreement:.0%} equal)"
    truth, predicted = names[int(prediction.truth)], names[int(prediction.predicted)]
    if truth == predicted:
        return f"{truth} ({prediction.confidence:.0%})"
    gap = " " if len(truth) + len(predicted) <= LINE else "\n"
    return f"{truth},{gap}taken for {predicted} ({prediction.confidence:.0%})"


def mask_strip(prediction: Prediction) -> Plane:
    """Return the sample, the sample with its true mask and with its predicted mask, side by
    side.
    """
    plane = prediction.plane()
    gap = np.full((len(plane), max(1, plane.shape[1] // 50), 3), 255, np.uint8)
    truth, predicted = prediction.masks()
    return np.concatenate(
        [plane, gap, paint_classes(plane, truth), gap, paint_classes(plane, predicted)], axis=1
    )


def signal_picture(prediction: Prediction) -> Plane:
    """Return a picture (H, W, 3) of a signal as a line plot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 2.5), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    _draw_signal(figure.subplots(), prediction)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_signal(axes: Any, prediction: Prediction) -> None:
    axes.axis("on")
    axes.tick_params(labelsize=6)
    axes.plot(prediction.x.T, linewidth=0.8)
    if prediction.is_mask:
        classes = axes.twinx()
        classes.step(
            range(len(prediction.truth)), prediction.truth, color=RIGHT, linewidth=1, label="true"
        )
        classes.step(
            range(len(prediction.predicted)),
            prediction.predicted,
            color=WRONG,
            linewidth=1,
            label="predicted",
        )


def paint_classes(plane: Plane, mask: NDArray[Any]) -> Plane:
    """Return the plane with each class except 0 painted in its colour."""
    mixed = (1 - MASK_OPACITY) * plane + MASK_OPACITY * color_of(mask.astype(np.int64))
    return np.where((mask > 0)[..., None], mixed, plane).astype(np.uint8)


def color_of(classes: Any) -> NDArray[np.uint8]:
    """Return the colours (*, 3) of classes, numbers (*) from 1 on; they repeat."""
    colours: NDArray[np.uint8] = PALETTE[(classes - 1) % len(PALETTE)]
    return colours
