"""An exponential moving average of the weights, used for validation, test and checkpoints (Polyak &
Juditsky 1992).
"""

from typing import Any

import lightning as L
import torch
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from convsweep.errors import UserError

# Key of the trained weights in a checkpoint, whose `state_dict` holds the average.
TRAINED = "current_model_state"


class MovingAverage(L.Callback):
    """Averages the weights after each step, on their device and without synchronisation.

    The decay after n steps is `min(decay, (1 + n) / (10 + n))`, so that initial weights are
    forgotten even in a training of a few hundred steps.

    Args:
        decay: limit of the decay a step.

    Raises:
        UserError: `decay` is not in [0, 1).
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise UserError(
                f"callbacks.weight_averaging.decay must be at least 0 and below 1, but is {decay}"
            )
        self.decay = decay
        self.steps = self.global_step = 0
        self.average: dict[str, Tensor] = {}
        """Averaged weights and buffers by name, during a training."""
        self.restored: dict[str, Tensor] = {}

    @torch.no_grad()
    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start from the current weights, or from the average of a checkpoint."""
        self.average = {name: tensor.clone() for name, tensor in tensors_of(pl_module).items()}
        for name in self.average.keys() & self.restored.keys():
            self.average[name].copy_(self.restored[name])
        self.restored = {}

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Update the average if the optimiser took a step."""
        if trainer.global_step > self.global_step:
            self.follow(pl_module)
            self.global_step = trainer.global_step

    @torch.no_grad()
    def follow(self, model: nn.Module) -> None:
        """Move the average towards the weights of a model; integer buffers are copied."""
        tensors = tensors_of(model)
        moving = [name for name, tensor in tensors.items() if tensor.is_floating_point()]
        follow = get_ema_multi_avg_fn(self.decay_after(self.steps))
        follow(
            [self.average[name] for name in moving], [tensors[name] for name in moving], self.steps
        )
        for name in tensors.keys() - moving:
            self.average[name].copy_(tensors[name])
        self.steps += 1

    def decay_after(self, steps: int) -> float:
        """Return the decay after a number of steps."""
        return min(self.decay, (1 + steps) / (10 + steps)) if steps else 0.0

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Swap in the average for validation."""
        self.exchange(pl_module)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restore the trained weights."""
        self.exchange(pl_module)

    @torch.no_grad()
    def exchange(self, model: nn.Module) -> None:
        """Exchange the values of average and model, if there is an average."""
        tensors = tensors_of(model)
        for name, average in self.average.items():
            value = average.clone()
            average.copy_(tensors[name])
            tensors[name].copy_(value)

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Leave the average in the model."""
        self.exchange(pl_module)
        self.average = {}

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "global_step": self.global_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps, self.global_step = state_dict["steps"], state_dict["global_step"]

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Store the average as the checkpoint's weights, and the trained weights under their own
        key.
        """
        if self.average:
            weights = checkpoint["state_dict"]
            checkpoint[TRAINED] = weights
            checkpoint["state_dict"] = {
                name: self.average.get(name, value) for name, value in weights.items()
            }

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the trained weights for training; a test keeps the average, which the model
        already holds.
        """
        if trainer.state.fn == TrainerFn.FITTING and TRAINED in checkpoint:
            self.restored = checkpoint["state_dict"]
            pl_module.load_state_dict(checkpoint[TRAINED])


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Return the weights and buffers of a module by name."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
