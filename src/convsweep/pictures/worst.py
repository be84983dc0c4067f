"""Figures and wav files of the worst samples of an evaluation."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.pictures.denoised import Denoised, write_all
from convsweep.pictures.drawing import draw_predictions
from convsweep.pictures.prediction import Prediction, plane_of
from convsweep.pictures.spectrograms import draw_spectrograms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE, SOUNDS = "worst.png", "worst"


def write_signals(signals: Sequence[Denoised], sample_rate_hz: int | None, folder: Path) -> None:
    """Draw `worst.png`, and write recordings as wav files to `worst/`, numbered from the worst."""
    if sample_rate_hz is None:
        draw_versions(signals).savefig(folder / PICTURE)
        return
    draw_spectrograms(signals, sample_rate_hz).savefig(folder / PICTURE)
    (folder / SOUNDS).mkdir(exist_ok=True)
    write_all(signals, sample_rate_hz, folder / SOUNDS)


def draw_named(predictions: Sequence[Prediction], class_names: Sequence[str]) -> "Figure":
    """Return a figure of predictions with the names of the samples."""
    figure = draw_predictions(predictions, class_names)
    for axes, prediction in zip(figure.axes, predictions, strict=False):
        if not prediction.is_mask:  # the title of a mask names its sample
            axes.text(
                0.5,
                -0.02,
                prediction.name,
                transform=axes.transAxes,
                ha="center",
                va="top",
                fontsize=6,
            )
    return figure


def draw_versions(signals: Sequence[Denoised]) -> "Figure":
    """Return a figure with one row a signal: noisy, denoised and clean, as curves or images on a
    common scale.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.2 * len(signals) + 0.6), layout="constrained")
    grid = figure.subplots(len(signals), 3, squeeze=False, sharey="row")
    for row, signal in zip(grid, signals, strict=True):
        for axes, (version, values) in zip(row, signal.versions.items(), strict=True):
            axes.set_title(f"{signal.name}, {version}", fontsize=8)
            axes.tick_params(labelsize=6)
            if values.ndim == 2:
                axes.plot(values.T, linewidth=0.6)
            else:
                axes.imshow(plane_of(values))
                axes.axis("off")
    return figure
