"""Table of a network's layers in W&B: shapes, parameters, MACs and receptive field."""

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from convsweep.cost import Cost, UntraceableError, measure
from convsweep.cost.last_cost import known_cost
from convsweep.cost.table import cost_html
from convsweep.tracking.best_epoch import wandb_logger


class Architecture(Callback):
    """Logs the table of `convsweep inspect` as the W&B panel `architecture` after the first
    training step.
    """

    def __init__(self) -> None:
        self.is_logged = False

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx > 0:
            self.log_once(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.log_once(trainer, pl_module)

    def log_once(self, trainer: Trainer, model: Any) -> None:
        """Log the table at the first call."""
        if self.is_logged:
            return
        self.is_logged = True
        logger = wandb_logger(trainer)
        if logger is None or not trainer.is_global_zero:
            return
        with logger.harmless():
            try:
                cost = cost_of(model)
            except UntraceableError:
                return  # a network that cannot be traced has no table
            logger.log_media(lambda: {"architecture": as_html(cost)}, trainer.current_epoch)


def cost_of(model: Any) -> Cost:
    """Return the cost of a model's network, cached if the feasibility check ran in this process.

    Raises:
        UntraceableError: the network cannot run on the meta device.
    """
    in_shape = tuple(model.info.in_shape)
    described = model.metadata.get("model")
    known = known_cost(described["net"], in_shape) if described else None
    return known or measure(model.net, in_shape)


def as_html(cost: Cost) -> Any:
    """Return the table of a cost as W&B's HTML."""
    import wandb

    return wandb.Html(cost_html(cost), inject=False)
