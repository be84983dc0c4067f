"""What a network counts as it trains, as the means of batch normalisation: told to the other processes when they need it.

Torch sends the first process's buffers to all others in front of each step. A step does not read them; a validation does.
"""

import lightning as L
import torch.distributed as dist
from lightning.pytorch.strategies import DDPStrategy


class FirstBuffers(L.Callback):
    """Lets every process validate with the buffers of the first, which are those that a checkpoint keeps."""

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if dist.is_initialized() and trainer.world_size > 1:
            for buffer in pl_module.buffers():
                dist.broadcast(buffer, src=0)


def share_buffers_rarely(trainer: L.Trainer) -> None:
    """Replace torch's way in a trainer of distributed data parallel that does not ask for it."""
    strategy = trainer.strategy
    if isinstance(strategy, DDPStrategy) and "broadcast_buffers" not in strategy._ddp_kwargs:
        strategy._ddp_kwargs["broadcast_buffers"] = False
        trainer.callbacks.append(FirstBuffers())  # type: ignore[attr-defined]  # behind one that validates other weights
