"""Construction of Lightning's trainer from a config, with additional plugins and checks."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
from hydra.utils import instantiate
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.strategies import DDPStrategy, StrategyRegistry
from omegaconf import DictConfig

from convsweep.distributed.buffers import FirstBuffers
from convsweep.distributed.sigterm import EndTogether
from convsweep.distributed.sync_norm import SyncNorm
from convsweep.errors import UserError
from convsweep.patches import apply_patches
from convsweep.patches.lightning import RARE_SIGTERM
from convsweep.training.build import plain_errors


def make_trainer(
    cfg: DictConfig, first: Sequence[Callback], last: Sequence[Callback], loggers: Sequence[Logger]
) -> L.Trainer:
    """Return the trainer of a composed config.

    Args:
        cfg: the config.
        first: callbacks before those of the config.
        last: callbacks after them.
        loggers: what the trainer logs to.

    Raises:
        UserError: options of a callback or the trainer are wrong or do not suit the machine, or the
            strategy forks.
    """
    if start_method(cfg.trainer.strategy) != "popen":
        rule = (
            "trainer.strategy must start the whole command again for each device, so that the first"
            " one knows the scores"
        )
        raise UserError(f"{rule}, but is {cfg.trainer.strategy}; use trainer.strategy=ddp")
    with plain_errors("callbacks"):
        callbacks = [
            instantiate(callback) for callback in cfg.callbacks.values() if callback is not None
        ]
    with plain_errors(
        "trainer",
        remedy="; trainer=auto takes the fastest device there is, trainer=cpu runs everywhere",
    ):
        make = instantiate(cfg.trainer, _partial_=True)
        options: dict[str, Any] = {
            "callbacks": [*first, *callbacks, *last],
            "logger": list(loggers),
        }
        if cfg.trainer.get("sync_batchnorm") and not make.keywords.get("plugins"):
            options["plugins"] = [SyncNorm()]
        trainer: L.Trainer = make(**options)
    if trainer.world_size > 1:
        apply_patches([RARE_SIGTERM])
        own = [
            EndTogether(),
            *([FirstBuffers()] if isinstance(trainer.strategy, DDPStrategy) else []),
        ]
        # after a callback that validates other weights
        trainer.callbacks += own  # type: ignore[attr-defined]
    return trainer


def start_method(strategy: Any) -> str:
    """Return the start method of a strategy, given by name or config."""
    if isinstance(strategy, Mapping):
        return str(strategy.get("start_method", "popen"))
    known = StrategyRegistry[strategy]["init_params"] if strategy in StrategyRegistry else {}
    return str(known.get("start_method", "popen"))
