"""An exponential moving average of the weights, which is validated, tested and kept (Polyak & Juditsky 1992)."""

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor

from convsweep.errors import UserError


class MovingAverage(WeightAveraging):
    """Averages the weights after each step.

    After n steps an average keeps `min(decay, (1 + n) / (10 + n))` of itself, so that it forgets the weights of the beginning
    also in a training of a few hundred steps.

    Args:
        decay: share of itself that a long average keeps at a step.

    Raises:
        UserError: `decay` is not a share.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise UserError(f"callbacks.weight_averaging.decay must be at least 0 and below 1, but is {decay}")
        self.decay = decay
        super().__init__(use_buffers=True, avg_fn=self.averaged)

    def averaged(self, average: Tensor, weights: Tensor, steps: Tensor) -> Tensor:
        """Return the average after one more step."""
        kept = ((1 + steps) / (10 + steps)).clamp(max=self.decay)
        return weights + (average - weights) * kept.to(torch.get_default_dtype())

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on with the weights behind the average in training; a test keeps the average, which the model has been given."""
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)
