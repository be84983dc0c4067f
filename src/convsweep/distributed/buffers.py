"""What a network counts as it trains, as the means of batch normalisation: told to the other
processes when they need it.

By default torch sends the first process's buffers to all others in front of each step. A step does
not read them; a validation does. So the configs of the trainer say `broadcast_buffers: false`, and
this callback sends them.
"""

import lightning as L
import torch.distributed as dist


class FirstBuffers(L.Callback):
    """Lets every process validate with the buffers of the first, which are those that a checkpoint
    keeps.
    """

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for buffer in pl_module.buffers():
            dist.broadcast(buffer, src=0)
