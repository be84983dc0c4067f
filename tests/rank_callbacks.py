"""Callbacks for trainings in several processes: each notes what it trains, and one of them fails."""

import json
import os
import signal
from pathlib import Path

import lightning as L


class Note(L.Callback):
    """Writes to `noted_<rank>.json` what this process trains, from which epoch on, and with which samples first."""

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, batch_idx: int) -> None:
        path = Path(trainer.default_root_dir) / f"noted_{trainer.global_rank}.json"
        if not path.exists():
            shapes = {name: list(parameter.shape) for name, parameter in pl_module.net.named_parameters()}
            lr = trainer.optimizers[0].param_groups[0]["initial_lr"]
            path.write_text(json.dumps({"shapes": shapes, "lr": lr, "epoch": trainer.current_epoch}))


class Fail(L.Callback):
    """Fails in process `rank` at the beginning of epoch `epoch`, once in a sweep, by `how`: kill or raise."""

    def __init__(self, rank: int, epoch: int, how: str) -> None:
        self.rank, self.epoch, self.how = rank, epoch, how

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if (trainer.global_rank, trainer.current_epoch) != (self.rank, self.epoch):
            return
        mark = Path(trainer.default_root_dir).parent / "failed"
        try:
            mark.touch(exist_ok=False)
        except FileExistsError:
            return
        if self.how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise RuntimeError("no luck")


class Terminate(L.Callback):
    """Sends SIGTERM to the first process in the first step of epoch `epoch`, where the others go on to exchange gradients."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_start(self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, batch_idx: int) -> None:
        if (trainer.global_rank, trainer.current_epoch, batch_idx) == (0, self.epoch, 0):
            os.kill(os.getpid(), signal.SIGTERM)
