"""Remembers every metric as it was when the monitored one was best."""

from math import isnan
from typing import Any

import lightning as L

TRAIN = "train/"


class BestScores(L.Callback):
    """Keeps the metrics of the best validation, or of the best epoch where a training metric is monitored.

    Args:
        monitor: name of the metric that decides.
        mode: `max` or `min`.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        self.monitor, self.sign = monitor, 1 if mode == "max" else -1
        self.scores: dict[str, float] = {}
        self.epoch = 0

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking and not self.monitor.startswith(TRAIN):
            # The training metrics at this moment are those of the epoch before.
            self.consider(trainer, {name: value for name, value in current(trainer).items() if not name.startswith(TRAIN)})

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        metrics = current(trainer)
        if self.monitor.startswith(TRAIN):
            self.consider(trainer, metrics)
        elif self.epoch == trainer.current_epoch + 1:
            self.scores |= {name: value for name, value in metrics.items() if name.startswith(TRAIN)}

    def consider(self, trainer: L.Trainer, metrics: dict[str, float]) -> None:
        """Keep the metrics if they are better."""
        score, former = metrics.get(self.monitor), self.scores.get(self.monitor)
        if score is not None and (former is None or isnan(former) or self.sign * score > self.sign * former):
            self.scores, self.epoch = metrics, trainer.current_epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scores, self.epoch = state_dict["scores"], state_dict["epoch"]


def current(trainer: L.Trainer) -> dict[str, float]:
    """Return the metrics as they are now."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
