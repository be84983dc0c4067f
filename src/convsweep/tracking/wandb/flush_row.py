"""The end of a row of W&B: nothing more is measured at a step when the next one begins."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from convsweep.tracking.wandb.logger import WandbLogger


class RowEnd(Callback):
    """Send what was measured at a step before the next one, so that it is not late.

    Args:
        logger: holds the row.
    """

    def __init__(self, logger: WandbLogger) -> None:
        self.logger = logger

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        self.logger.send_row(before=trainer.global_step)  # what is logged before the first step must not start W&B before it
