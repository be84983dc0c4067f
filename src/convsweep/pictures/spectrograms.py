"""Figures of spectrograms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from convsweep.losses.stft import magnitudes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from convsweep.pictures.denoised import Denoised

# Quieter than the loudest value by more than this is drawn black.
RANGE_DB = 70
# Samples of a Fourier window.
WINDOW = 256


def decibels(wave: NDArray[Any]) -> NDArray[np.float32]:
    """Return the spectrogram of the first channel of (C, T) in dB, shape (frequencies, windows)."""
    window = min(WINDOW, 2 * (wave.shape[-1] // 2))
    first = torch.from_numpy(np.ascontiguousarray(wave[:1], np.float32))
    spectrogram: NDArray[np.float32] = (
        20 * magnitudes(first, (window, max(1, window // 8), window))[0].log10()
    ).numpy()
    return spectrogram


def draw_spectrograms(recordings: Sequence["Denoised"], sample_rate_hz: int) -> "Figure":
    """Return a figure with one row a recording: noisy, denoised, clean, on one colour scale."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 2.2 * len(recordings) + 0.6), layout="constrained")
    grid = figure.subplots(len(recordings), 3, squeeze=False, sharex=True, sharey=True)
    for row, recording in zip(grid, recordings, strict=True):
        pictures = {version: decibels(wave) for version, wave in recording.versions.items()}
        loudest = max(float(picture.max()) for picture in pictures.values())
        extent = (0, recording.noisy.shape[-1] / sample_rate_hz, 0, sample_rate_hz / 2000)
        for axes, (version, picture) in zip(row, pictures.items(), strict=True):
            axes.imshow(
                picture,
                origin="lower",
                aspect="auto",
                extent=extent,
                vmin=loudest - RANGE_DB,
                vmax=loudest,
            )
            axes.set_title(f"{recording.name}, {version}", fontsize=8)
    figure.supxlabel("seconds", fontsize=8)
    figure.supylabel("kHz", fontsize=8)
    return figure
