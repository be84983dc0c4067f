"""A callback that prints the cost of a step, for steps.py."""

import lightning as L
from clock import Clock


class ClockCallback(L.Callback):
    """Marks the end of every epoch, with its validation and checkpoint, and prints the figures."""

    def __init__(self) -> None:
        self.clock = Clock()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.current_epoch > 0:
            self.clock.mark()

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.clock.mark()
        accuracy = trainer.callback_metrics.get(
            "val/accuracy", trainer.callback_metrics.get("val/pixel_accuracy")
        )
        batch = trainer.datamodule.loading["batch_size"]  # type: ignore[attr-defined]
        self.clock.report(
            int(trainer.num_training_batches), batch, None if accuracy is None else float(accuracy)
        )
