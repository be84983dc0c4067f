"""Lightning's trainer as a config asks for it, made to bear what Lightning alone does not."""

from collections.abc import Sequence

import lightning as L
from hydra.utils import instantiate
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies.launchers.multiprocessing import _MultiProcessingLauncher
from omegaconf import DictConfig

from convsweep.build import plain_errors
from convsweep.distributed.buffers import share_buffers_rarely
from convsweep.distributed.sigterm import note_sigterm
from convsweep.distributed.sync_norm import let_cpu_synchronise
from convsweep.errors import UserError


def make_trainer(cfg: DictConfig, first: Sequence[Callback], last: Sequence[Callback], loggers: Sequence[Logger]) -> L.Trainer:
    """Return the trainer of a composed config.

    Args:
        cfg: the config.
        first: callbacks before those of the config.
        last: callbacks behind them.
        loggers: what the trainer logs to.

    Raises:
        UserError: options of a callback or of the trainer are wrong, or do not suit the machine; the strategy forks.
    """
    with plain_errors("callbacks"):
        callbacks = [instantiate(callback) for callback in cfg.callbacks.values() if callback is not None]
    with plain_errors("trainer", remedy="; trainer=auto takes the fastest device there is, trainer=cpu runs everywhere"):
        trainer: L.Trainer = instantiate(cfg.trainer, _partial_=True)(callbacks=[*first, *callbacks, *last], logger=list(loggers))
    if isinstance(trainer.strategy.launcher, _MultiProcessingLauncher):
        rule = "trainer.strategy must start the whole command again for each device, so that the first one knows the scores"
        raise UserError(f"{rule}, but is {cfg.trainer.strategy}; use trainer.strategy=ddp")
    let_cpu_synchronise(trainer)
    share_buffers_rarely(trainer)
    note_sigterm()
    return trainer
