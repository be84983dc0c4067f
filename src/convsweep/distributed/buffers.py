"""Synchronisation of buffers, such as running statistics, before validation instead of before every
step.

By default DDP broadcasts the buffers of rank 0 before each step. A training step does not read
them, validation does. So the trainer configs set `broadcast_buffers: false`, and this callback
broadcasts them.
"""

import lightning as L
import torch.distributed as dist


class FirstBuffers(L.Callback):
    """Broadcasts the buffers of rank 0, which a checkpoint keeps, to all processes before
    validation.
    """

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for buffer in pl_module.buffers():
            dist.broadcast(buffer, src=0)
