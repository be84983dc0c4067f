"""Callbacks for trainings in several processes: each notes what it trains, and one of them
fails.
"""

import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import lightning as L
from torch.utils._python_dispatch import TorchDispatchMode

from convsweep.distributed import sigterm


class Note(L.Callback):
    """Writes to `noted_<rank>.json` what this process trains, from which epoch on, and with which
    samples first.
    """

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, batch_idx: int
    ) -> None:
        path = Path(trainer.default_root_dir) / f"noted_{trainer.global_rank}.json"
        if not path.exists():
            shapes = {
                name: list(parameter.shape) for name, parameter in pl_module.net.named_parameters()
            }
            lr = trainer.optimizers[0].param_groups[0]["initial_lr"]
            path.write_text(
                json.dumps({"shapes": shapes, "lr": lr, "epoch": trainer.current_epoch})
            )


class Fail(L.Callback):
    """Fails in process `rank` at the beginning of epoch `epoch`, once in a sweep, by `how`: kill or
    raise.
    """

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
    """Sends SIGTERM to the first process in the first step of epoch `epoch`, where the others go on
    to exchange gradients.
    """

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if (trainer.global_rank, trainer.current_epoch, batch_idx) == (0, self.epoch, 0):
            os.kill(os.getpid(), signal.SIGTERM)


class Exchanges(L.Callback):
    """Writes to `exchanged_<rank>.json` what the steps of each epoch send to other processes or
    wait for, and how many there are.

    Gradients are not among it: they are sent by threads of torch. A signal is asked for as rarely
    as can be.
    """

    def __init__(self) -> None:
        sigterm.EVERY_S = 1e9
        self.epochs: list[dict[str, int]] = []

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: object, batch_idx: int
    ) -> None:
        if batch_idx == 0:
            self.counted = Counted()
            self.counted.__enter__()

    def on_train_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
    ) -> None:
        self.counted.counts["steps"] += 1
        # with the last one the loss is read
        if self.counted.counts["steps"] == trainer.num_training_batches - 1:
            self.counted.__exit__(None, None, None)
            self.epochs.append(dict(self.counted.counts))
            path = Path(trainer.default_root_dir) / f"exchanged_{trainer.global_rank}.json"
            path.write_text(json.dumps(self.epochs))

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write down what the network counted, as this process validates with it."""
        buffers = {name: buffer.tolist() for name, buffer in pl_module.net.named_buffers()}
        (Path(trainer.default_root_dir) / f"buffers_{trainer.global_rank}.json").write_text(
            json.dumps(buffers)
        )


class Counted(TorchDispatchMode):
    """Counts operations that reach other processes, or hand a number to Python."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = str(func)
        if name.startswith("c10d.") or "_local_scalar_dense" in name:
            self.counts[name.removesuffix(".default")] += 1
        return func(*args, **(kwargs or {}))
