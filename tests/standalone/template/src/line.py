"""A straight line, which learns nothing or fails in its second process as its config says."""

import os
import signal

import lightning as L
import torch
from torch.utils.data import DataLoader, TensorDataset


class Line(L.LightningModule):
    """One weight and one bias."""

    def __init__(self, lr: float, trouble: str) -> None:
        super().__init__()
        self.lr, self.trouble = (1e-6 if trouble == "slow" else lr), trouble
        self.line = torch.nn.Linear(1, 1)
        self.begun_at = 0

    def loader(self) -> DataLoader:
        """Return 16 points of a line."""
        x = torch.linspace(-1, 1, 16)[:, None]
        return DataLoader(TensorDataset(x, 2 * x + 1), batch_size=4)

    train_dataloader = val_dataloader = loader

    def on_train_start(self) -> None:
        """Note where this training begins, and each process's network."""
        self.begun_at = self.current_epoch
        text = f"process {self.global_rank} begins at epoch {self.current_epoch} with lr {self.lr}"
        print(text, flush=True)  # a killed process loses what it has not written

    def on_train_epoch_start(self) -> None:
        """Fail in the second epoch."""
        if self.global_rank == 1 and self.current_epoch == 1 and self.begun_at == 0:
            if self.trouble == "memory":
                raise MemoryError("no room")
            if self.trouble == "killed":
                os.kill(os.getpid(), signal.SIGKILL)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        """Return the loss of a batch."""
        return torch.nn.functional.mse_loss(self.line(batch[0]), batch[1])

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        """Log the loss of all processes."""
        self.log(
            "val/loss", torch.nn.functional.mse_loss(self.line(batch[0]), batch[1]), sync_dist=True
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return plain gradient descent."""
        return torch.optim.SGD(self.parameters(), lr=self.lr)
