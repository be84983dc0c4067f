"""Denoising of recordings of any length in overlapping windows, with only pieces in memory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convsweep.cost import UntraceableError, measure
from convsweep.data.files.resampling import Resampled, Waveform, pieces
from convsweep.nets.sliding_window import SlidingWindow

if TYPE_CHECKING:
    from convsweep.tasks.denoising import Denoising

# Samples in a piece that is read or written at a time.
PIECE = 2**18

# Smallest length of a window, relative to the context on one side, which is cut off its output.
WINDOW_BY_CONTEXT = 8

Waves = NDArray[np.float32]


def level_of(recording: Waveform) -> Waves:
    """Return the root mean square of each channel (C,), read piece by piece.

    Raises:
        UnfitFileError: the recording cannot be read to its end.
    """
    channels, length = recording.shape
    total = np.zeros(channels)
    for start, stop in pieces(length, PIECE):
        total += np.square(recording[:, start:stop], dtype=np.float64).sum(axis=1)
    return np.sqrt(total / length).astype(np.float32)


@dataclass(frozen=True)
class Cleaner:
    """Applies a denoiser to recordings.

    A window is normalised by the level of the whole recording, not its own, so that pauses stay
    quiet and levels match between windows. Its output is used only at positions whose receptive
    field lies inside the window, where it equals the output for the whole recording.

    Args:
        model: in evaluation mode, on its device; a network with one channel denoises every channel
            separately.
        window: length of a window in samples; None: the network's own, or longer if its receptive
            field requires it.
        overlap: share of a window's output that the next one overlaps.
        batch_size: windows at a time.
    """

    model: "Denoising"
    window: int | None = None
    overlap: float = 0.5
    batch_size: int = 4

    @cached_property
    def context(self) -> int:
        """Samples to each side that an output sample depends on; a quarter of the window if that is
        more.
        """
        try:
            field = measure(self.model.net, self.model.info.in_shape).receptive_field
        except UntraceableError:
            field = None
        sees = (self.model.info.spatial_shape if field is None else field.size)[0] // 2
        return sees if self.window is None else min(sees, self.window // 4)

    @property
    def length(self) -> int:
        """Length of a window in samples."""
        return self.window or max(
            self.model.info.spatial_shape[0], WINDOW_BY_CONTEXT * self.context
        )

    def __call__(self, recording: Waveform, sample_rate_hz: int, level: Waves) -> Iterator[Waves]:
        """Yield the denoised recording (C, T) in pieces, at its own sample rate.

        Args:
            recording: (C, T).
            sample_rate_hz: of the recording, which is resampled to the network's rate and back if
                they differ.
            level: (C,) from `level_of`.
        """
        own_hz = self.model.info.sample_rate_hz or sample_rate_hz
        at_own_rate = Resampled(recording, sample_rate_hz, own_hz)
        answers = self.answers(at_own_rate, level)
        if own_hz == sample_rate_hz:
            yield from answers
            return
        with on_disk(answers, at_own_rate.shape) as clean:
            back = Resampled(clean, own_hz, sample_rate_hz)
            for start, stop in pieces(recording.shape[1], PIECE):
                yield back[:, start:stop]

    def answers(self, recording: Waveform, level: Waves) -> Iterator[Waves]:
        """Yield the network's output for a recording at the network's rate, in pieces (C,
        length).
        """
        inner = self.length - 2 * self.context
        levels = torch.from_numpy(level)

        def predict(windows: Tensor) -> Tensor:
            return self.clean(windows, levels)[..., self.context : self.context + inner]

        slide = SlidingWindow(
            predict, (self.length,), (inner,), self.overlap, batch_size=self.batch_size
        )
        for slab in slide.slabs(recording):  # type: ignore[arg-type]
            yield slab.numpy()

    @torch.inference_mode()
    def clean(self, windows: Tensor, level: Tensor) -> Tensor:
        """Return the network's output for windows (B, C, T), on the CPU.

        Args:
            level: (C,) of the recording.
        """
        shape, device = windows.shape, self.model.device
        alone = self.model.info.in_channels == 1
        x = windows.reshape(-1, 1, shape[-1]) if alone else windows
        at = level.repeat(shape[0]) if alone else level.square().mean().sqrt().expand(shape[0])
        given = at.view(-1, 1, 1).to(device) if self.model.normalize.by == "sample" else None
        answer: Tensor = self.model(x.to(device), given)
        return answer.float().cpu().reshape(shape)


@contextmanager
def on_disk(slabs: Iterator[Waves], shape: tuple[int, int]) -> Iterator[Waves]:
    """Store pieces (C, length) as an array of a given shape in a temporary file."""
    with tempfile.TemporaryDirectory() as folder:
        array = np.memmap(Path(folder) / "clean.f32", np.float32, "w+", shape=shape)
        start = 0
        for slab in slabs:
            array[:, start : start + slab.shape[1]] = slab
            start += slab.shape[1]
        yield array
        del array
