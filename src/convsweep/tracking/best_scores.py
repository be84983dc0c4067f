"""Selection of the best epoch, and all metrics of it."""

from math import isnan
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

TRAIN = "train/"


class BestScores(L.Callback):
    """Keeps the metrics of the best validation, or of the best epoch if a training metric is
    monitored.

    Other callbacks read it (`best_scores`), so it must come first.

    Args:
        monitor: name of the monitored metric.
        mode: `max` or `min`.
    """

    def __init__(self, monitor: str, mode: str) -> None:
        self.monitor, self.sign = monitor, 1 if mode == "max" else -1
        self.scores: dict[str, float] = {}
        self.epoch = 0
        """The best epoch, counted from 1; 0 before there is one."""
        self.is_new = False
        """Whether the last validation or epoch is the best so far."""

    @property
    def is_of_training(self) -> bool:
        """Whether a training metric is monitored, at the end of epochs instead of validations."""
        return self.monitor.startswith(TRAIN)

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        kept = trainer.checkpoint_callback
        if (
            isinstance(kept, ModelCheckpoint)
            and kept.monitor
            and kept.save_top_k
            and kept.best_model_score is None
        ):
            self.scores, self.epoch = {}, 0  # no checkpoint exists of an earlier best epoch

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.sanity_checking and not self.is_of_training:
            # The training metrics are still those of the epoch before.
            self.consider(
                trainer,
                {
                    name: value
                    for name, value in current(trainer).items()
                    if not name.startswith(TRAIN)
                },
            )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        metrics = current(trainer)
        if self.is_of_training:
            self.consider(trainer, metrics)
        elif self.epoch == trainer.current_epoch + 1:
            self.scores |= {
                name: value for name, value in metrics.items() if name.startswith(TRAIN)
            }

    def consider(self, trainer: L.Trainer, metrics: dict[str, float]) -> None:
        """Keep the metrics if they are better."""
        score, former = metrics.get(self.monitor), self.scores.get(self.monitor)
        self.is_new = score is not None and (
            former is None or isnan(former) or self.sign * score > self.sign * former
        )
        if self.is_new:
            self.scores, self.epoch = metrics, trainer.current_epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return {"scores": self.scores, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.scores, self.epoch = state_dict["scores"], state_dict["epoch"]


def best_scores(trainer: L.Trainer) -> BestScores:
    """Return the `BestScores` callback of a trainer."""
    return next(callback for callback in trainer.callbacks if isinstance(callback, BestScores))  # type: ignore[attr-defined]


def current(trainer: L.Trainer) -> dict[str, float]:
    """Return the current metrics."""
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
