"""A callback that prints the time of epochs without compilation and validation, for gpu.py."""

import json
import time
from typing import Any

import lightning as L
import torch


class EpochClock(L.Callback):
    """Times each epoch up to its last step, synchronised with the device, and prints JSON.

    `train_s` counts the first epoch, which includes compilation and cuDNN's benchmarks, as long as
    the mean of the others.
    """

    def __init__(self) -> None:
        self.began: float | None = None
        self.epochs: list[float] = []

    def on_train_epoch_start(self, *rest: Any) -> None:
        self.began = now()

    def on_validation_start(self, *rest: Any) -> None:
        self.stop()

    def on_train_epoch_end(self, *rest: Any) -> None:
        self.stop()

    def stop(self) -> None:
        """Record the end of an epoch, once."""
        if self.began is not None:
            self.epochs.append(now() - self.began)
            self.began = None

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        later = self.epochs[1:] or self.epochs
        epoch_s = sum(later) / len(later)
        held = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None
        figures = {
            "train_s": epoch_s * len(self.epochs),
            "epoch_s": epoch_s,
            "first_epoch_s": self.epochs[0],
            "cuda_mib": held,
        }
        print(json.dumps(figures), flush=True)


def now() -> float:
    """Return the time after all pending work of the device."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()
