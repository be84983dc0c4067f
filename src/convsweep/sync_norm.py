"""`trainer.sync_batchnorm` on the CPU: batch normalisation over all processes, which torch has for GPUs only."""

import lightning as L
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.plugins import TorchSyncBatchNorm
from torch import nn

from convsweep.nets.sync_norm import synchronise


class CpuSyncNorm(TorchSyncBatchNorm):
    """Lightning's plugin with our layer."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Return the model with synchronised layers."""
        return synchronise(model)

    def revert(self, model: nn.Module) -> nn.Module:
        """Return the model as it is: in one process its layers are plain ones."""
        return model


def let_cpu_synchronise(trainer: L.Trainer) -> None:
    """Replace Lightning's plugin, if the trainer has it, where it would be refused."""
    asked = isinstance(getattr(trainer.strategy, "_layer_sync", None), TorchSyncBatchNorm)
    if asked and isinstance(trainer.accelerator, CPUAccelerator):
        trainer.strategy._layer_sync = CpuSyncNorm()  # type: ignore[attr-defined]
