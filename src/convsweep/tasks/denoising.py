"""Denoising: a clean signal from a noisy one, trained by distances of waveforms and
spectrograms.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MetricCollection

from convsweep.data.samples import DataInfo
from convsweep.errors import InfeasibleError, UserError
from convsweep.losses.stft import PAPER, Resolution, stft_loss
from convsweep.metrics.signal_ratios import NAMES, SignalRatios
from convsweep.models.base import Batch, Model
from convsweep.nets.geometry import shape_text
from convsweep.pictures.denoised import Denoised
from convsweep.pictures.worst import write_signals
from convsweep.task import DENOISING, Task

DISTANCES = {"l1": torch.nn.functional.l1_loss, "l2": torch.nn.functional.mse_loss}


class DenoisingTask(Task):
    """A clean signal of the size of the sample."""

    name = DENOISING
    is_dense = True

    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (num_classes, *spatial_shape)

    def check_output(
        self, out_shape: tuple[int, ...], in_shape: tuple[int, ...], num_classes: int
    ) -> None:
        expected = (num_classes, *in_shape[1:])
        if out_shape != expected:
            raise InfeasibleError(
                f"a denoising net must return a signal of the size it gets, {shape_text(expected)},"
                f" but the net returns {shape_text(out_shape)}; use model/net=unet_1d or"
                " dilated_1d, padding=same, and undo every downsampling"
            )

    def picture(self, x: NDArray[Any], y: NDArray[Any], logits: Tensor, name: str) -> Denoised:
        return Denoised(name, x, logits.cpu().numpy(), y)

    def draw(self, pictures: Sequence[Denoised], info: DataInfo, folder: Path) -> None:
        write_signals(pictures, info.sample_rate_hz, folder)


class Denoising(Model):
    """LightningModule for signals of the size of the input.

    Inputs are divided by their level: their root mean square (`normalize_by: sample`), so that
        quiet and loud recordings are treated alike, or the standard deviation of the training
        split. Outputs are multiplied by it: under `sample` silence stays silent. No mean is
        subtracted.

    Args:
        waveform_loss: mean `l1` or `l2` distance of the waveforms, or `none`; in units of the
            training split's standard deviation.
        stft_weight: weight of the multi-resolution STFT loss (Yamamoto et al. 2020), for signals of
            one axis.
        stft_resolutions: its (Fourier size, hop, window) in positions.
        predicts: whether the network returns the clean `signal`, or the `noise` to subtract (Zhang
            et al. 2017, DnCNN).
        normalize_by: `sample` or `training_split`.
        shared: other arguments of `Model`.
    """

    task = DenoisingTask()
    answer_name = "denoised"

    def __init__(
        self,
        *,
        waveform_loss: Literal["l1", "l2", "none"] = "l1",
        stft_weight: float = 0.0,
        stft_resolutions: Sequence[Sequence[int]] = PAPER,
        predicts: Literal["signal", "noise"] = "signal",
        normalize_by: Literal["sample", "training_split"] = "sample",
        **shared: Any,
    ) -> None:
        super().__init__(normalize_by=normalize_by, **shared)
        self.waveform_loss, self.stft_weight, self.predicts = waveform_loss, stft_weight, predicts
        self.stft_resolutions = checked_resolutions(stft_resolutions)
        if stft_weight < 0 or (waveform_loss == "none" and stft_weight == 0):
            raise UserError(
                "a denoiser needs a loss, but model.waveform_loss=none and "
                f"model.stft_weight={stft_weight} leave none; use waveform_loss=l1 or stft_weight=1"
            )
        if stft_weight and len(self.info.spatial_shape) != 1:
            raise UserError(
                "model.stft_weight is for signals, but samples have the shape"
                f" {self.info.in_shape}; set it to 0"
            )

    def make_metrics(self) -> MetricCollection:
        return MetricCollection({"ratios": SignalRatios()})

    def score_names(self) -> Sequence[str]:
        return NAMES

    def forward(self, x: Tensor, level: Tensor | None = None) -> Tensor:
        """Return the denoised signals of a batch, (N, C, *), in the units of the data.

        Args:
            x: (N, C, *).
            level: (N, 1, ...) level to divide the input and multiply the output by; None computes
                `level_of(x)`.
        """
        x = x.to(self.normalize.scale.dtype)
        level = self.level_of(x) if level is None else level
        at_one_level = x / level.clamp_min(1e-8)
        given = self.run(at_one_level)
        if self.predicts == "signal":
            return level * given
        # in training, the outputs of several levels may follow each other
        copies = given.shape[1] // at_one_level.shape[1]
        return level * (torch.cat([at_one_level] * copies, dim=1) - given)

    def level_of(self, x: Tensor) -> Tensor:
        """Return the root mean square of each sample, or the standard deviation of the training
        split.
        """
        if self.normalize.by == "training_split":
            # in an export len() would be a constant
            return (
                (1 / self.normalize.scale).mean().expand(x.shape[0]).view(-1, *[1] * (x.dim() - 1))
            )
        return x.square().mean(dim=tuple(range(1, x.dim())), keepdim=True).sqrt()

    def answer(self, logits: Tensor) -> Tensor:
        """Return the denoised signals (N, C, *) unchanged."""
        return logits

    def logits_for(self, answer: Tensor) -> Tensor:
        """Return the answer, which is the output."""
        return answer

    def loss(self, logits: Tensor, y: Tensor) -> Tensor:
        scale = self.normalize.scale.mean()
        predicted, target = logits * scale, y * scale
        total = predicted.new_zeros(())
        if self.waveform_loss != "none":
            total = total + DISTANCES[self.waveform_loss](predicted, target)
        if self.stft_weight:
            total = total + self.stft_weight * stft_loss(predicted, target, self.stft_resolutions)
        return total

    def score(self, metrics: MetricCollection, logits: Tensor, batch: Batch) -> None:
        noisy, clean = batch
        metrics.update(logits, clean, noisy)


def checked_resolutions(resolutions: Sequence[Sequence[int]]) -> list[Resolution]:
    """Return the resolutions as triples (Fourier size, hop, window).

    Raises:
        UserError: one is not a triple, or its window is longer than its Fourier size.
    """
    for one in resolutions:
        if len(one) != 3 or min(one) < 1 or one[2] > one[0]:
            raise UserError(
                "model.stft_resolutions must hold [Fourier size, hop, window] with window <="
                f" Fourier size, but holds {list(one)}"
            )
    if not resolutions:
        raise UserError(
            "model.stft_resolutions must hold one resolution or more; model.stft_weight=0 leaves"
            " the loss out"
        )
    return [(size, hop, window) for size, hop, window in resolutions]
