"""Reports every validation to the sweep and stops a trial that has no future."""

import lightning as L
from torch import Tensor

from hydra_study import Pruned, TrialConnection


class PruningCallback(L.Callback):
    """Sends the monitored value to the sweep after each validation; all ranks stop together when
    rank 0 is told to.

    Args:
        monitor: name of the reported metric.
        link: the trial's connection to its sweep; None on ranks other than 0.
    """

    def __init__(self, monitor: str, link: TrialConnection | None) -> None:
        self.monitor, self.link = monitor, link
        self.pruned = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        value = trainer.callback_metrics.get(self.monitor)
        if trainer.sanity_checking or not isinstance(value, Tensor):
            return
        stop = (
            self.link.report(trainer.current_epoch + 1, float(value))
            if self.link is not None
            else False
        )
        self.pruned = bool(trainer.strategy.broadcast(stop, src=0))
        trainer.should_stop = trainer.should_stop or self.pruned

    def raise_if_pruned(self) -> None:
        """Raise `Pruned` after a training that was stopped."""
        if self.pruned:
            raise Pruned(f"stopped by the pruner on {self.monitor}")
