"""Prediction for samples of any size: in batches, in sliding windows, averaged over mirrored
copies.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from convsweep.data.files.audio import Recording
from convsweep.errors import UserError
from convsweep.inference.inference_model import Deployed
from convsweep.inference.predict.formats import Result, Sample
from convsweep.nets.sliding_window import SlidingWindow
from convsweep.tasks.segmentation import Segmentation
from convsweep.training.trained import Trained

if TYPE_CHECKING:
    from convsweep.inference.predict.recording import Cleaner

Mirror = Literal["none", "last", "all"]
# Overlap of windows where the model has none of its own.
HALF = 0.5
Entry = tuple[Path, Sample]


@dataclass(frozen=True)
class Predictor:
    """Applies a trained network to samples.

    Args:
        trained: the network.
        batch_size: samples, or windows, at a time.
        mirror: test-time augmentation: the sample alone, averaged with its mirror image along the
            last axis (left and right), or with its mirror images along all axes and their
            combinations.
        tile: spatial shape of the windows for samples of another size than the network's; None: the
            network's.
        overlap: share of a window that the next one overlaps; None: that of the model, or half.
    """

    trained: Trained
    batch_size: int = 32
    mirror: Mirror = "none"
    tile: Sequence[int] | None = None
    overlap: float | None = None

    @cached_property
    def deployed_net(self) -> Deployed:
        return Deployed(self.trained.model, self.trained.permute).to(self.trained.device)

    @torch.inference_mode()
    def answer(self, x: Tensor) -> Tensor:
        """Return the network's output for a batch, averaged over mirrored copies, on the CPU."""
        x = x.to(self.trained.device)
        copies = mirror_axes(self.mirror, x.dim() - 2)
        total = torch.zeros(())
        for axes in copies:
            answer = self.deployed_net(x.flip(axes) if axes else x).float()
            total = total + (answer.flip(axes) if axes and answer.dim() > 2 else answer).cpu()
        return total / len(copies)

    @cached_property
    def windows(self) -> SlidingWindow:
        """Sliding window for samples of another size.

        Raises:
            UserError: the network does not take windows of this shape.
        """
        shape = tuple(self.tile or self.trained.info.spatial_shape)
        if len(shape) != len(self.trained.info.spatial_shape):
            raise UserError(
                f"--tile must be one number or {len(self.trained.info.spatial_shape)}, but is"
                f" {list(shape)}"
            )
        for model in self.segmenters:  # else they would cut windows into their own
            model.set_window(shape)
        try:
            answer = self.answer(torch.zeros(1, self.trained.info.in_channels, *shape))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"--tile {list(shape)} is no size for this network: {error}; leave it out"
            ) from None
        out = tuple(answer.shape[2:])
        return SlidingWindow(
            self.answer, shape, out, self.window_overlap, batch_size=self.batch_size
        )

    @property
    def window_overlap(self) -> float:
        """The share of a window that the next one overlaps."""
        if self.overlap is not None:
            return self.overlap
        return self.segmenters[0].windows.overlap if self.segmenters else HALF

    @cached_property
    def segmenters(self) -> list[Segmentation]:
        """The networks with windows of their own, several of an ensemble."""
        return [part for part in self.trained.model.modules() if isinstance(part, Segmentation)]

    @cached_property
    def cleaner(self) -> "Cleaner":
        """Denoiser of recordings.

        Raises:
            UserError: mirrored copies are requested.
        """
        from convsweep.inference.predict.recording import Cleaner

        if self.mirror != "none":
            raise UserError(
                "--mirror is for images and volumes, but there are recordings; leave out --mirror"
                f" {self.mirror}"
            )
        model: Any = self.trained.model
        tile = self.tile[0] if self.tile else None
        return Cleaner(model, tile, self.window_overlap, self.batch_size)

    def fits(self, x: NDArray[np.generic]) -> bool:
        """Return whether a sample can be batched: it has the network's size, and so has the
        output.
        """
        if not self.trained.is_dense:
            return True
        return x.shape[1:] == tuple(self.windows.window) == tuple(self.windows.out_window or ())

    def __call__(self, entries: Iterable[Entry]) -> Iterator[tuple[Path, Sample, Result]]:
        """Yield the result of every sample, in order.

        Shape:
            result: (K,) probabilities of a classification; class indices (*spatial) of a
                segmentation on the grid of the file;
            else values (K, *spatial), of a recording in pieces.
        """
        batch: list[Entry] = []
        for file, sample in entries:
            x: Any = sample.x
            whole = not isinstance(x, Recording) and self.fits(x)
            if batch and (
                not whole or len(batch) == self.batch_size or sample.x.dtype != batch[0][1].x.dtype
            ):
                yield from self.predict_batch(batch)
                batch = []
            if isinstance(x, Recording):
                pieces: Any = self.cleaner(x, x.sample_rate_hz, sample.origin)
                yield file, sample, pieces
            elif whole:
                batch.append((file, sample))
            else:
                yield file, sample, self.result(sample, self.windows.slabs(sample.x))
        yield from self.predict_batch(batch)

    def predict_batch(self, batch: Sequence[Entry]) -> Iterator[tuple[Path, Sample, Result]]:
        """Yield the results of a batch of samples with one shape."""
        if not batch:
            return
        answers = self.answer(torch.from_numpy(np.stack([sample.x for _, sample in batch])))
        for (file, sample), answer in zip(batch, answers, strict=True):
            yield (
                file,
                sample,
                self.result(sample, [answer]) if self.trained.is_dense else answer.numpy(),
            )

    def result(self, sample: Sample, slabs: Iterable[Tensor]) -> Result:
        """Return the result of a sample from its output (K, length, *rest), given in pieces along
        the first axis.
        """
        if not self.trained.info.kind.has_masks:
            return torch.cat(list(slabs), dim=1).numpy()
        if sample.back is not None:
            return sample.back(torch.cat(list(slabs), dim=1).numpy())
        dtype = np.uint8 if self.trained.info.num_classes <= 256 else np.uint16
        return np.concatenate([slab.argmax(0).numpy().astype(dtype) for slab in slabs])


def mirror_axes(mirror: Mirror, dim: int) -> list[tuple[int, ...]]:
    """Return the axes to mirror for each copy of a batch (N, C, *spatial)."""
    axes = {"none": [], "last": [dim + 1], "all": list(range(2, dim + 2))}[mirror]
    return list(chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1)))
