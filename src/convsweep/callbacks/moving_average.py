"""An exponential moving average of the weights, which is validated, tested and kept (Polyak & Juditsky 1992)."""

from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.models.accelerated import Accelerated


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
        super().__init__(device=None, use_buffers=True)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Keep the average where and as the weights lie, and the count of steps on the CPU, where reading it waits for none."""
        assert self._average_model is not None
        average = self._average_model.module.to(pl_module.device)
        if isinstance(average, Accelerated):
            average.lay_out(pl_module.device)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Follow the weights where a step was taken."""
        if trainer.global_step > self._latest_update_step:
            self.follow(pl_module)
            self._latest_update_step = trainer.global_step

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Move the average towards the weights of a model; what is counted, not measured, is taken over."""
        assert self._average_model is not None
        steps = int(self._average_model.n_averaged)
        kept = self.kept_after(steps)
        averages, weights = all_tensors(self._average_model.module), all_tensors(model)
        pairs = list(zip(averages, weights, strict=True))
        moving = [pair for pair in pairs if pair[0].is_floating_point()]
        torch._foreach_lerp_([average for average, _ in moving], [weight for _, weight in moving], 1 - kept)
        for average, weight in pairs:
            if not average.is_floating_point():
                average.copy_(weight)
        self._average_model.n_averaged += 1

    def kept_after(self, steps: int) -> float:
        """Return the share of itself that the average keeps at the step after so many."""
        return min(self.decay, (1 + steps) / (10 + steps)) if steps else 0.0

    def on_load_checkpoint(self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]) -> None:
        """Go on with the weights behind the average in training; a test keeps the average, which the model has been given."""
        if trainer.state.fn == TrainerFn.FITTING:
            super().on_load_checkpoint(trainer, pl_module, checkpoint)


def all_tensors(module: nn.Module) -> list[Tensor]:
    """Return the weights and buffers of a module."""
    return [*module.parameters(), *module.buffers()]
