"""`trainer.sync_batchnorm` on the CPU: batch normalisation over all processes, which torch has for GPUs only."""

from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.plugins import TorchSyncBatchNorm
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; the gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the sum."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        """Return the sum of the gradients."""
        return SumOverProcesses.forward(ctx, grad)


class CpuSyncBatchNorm(_BatchNorm):
    """What `torch.nn.SyncBatchNorm` does on GPUs, for one process as for many.

    Shape:
        x: (N, C, *), N may differ between processes; the result likewise.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` normalised by mean and variance of each channel over all processes."""
        if not self.training or not dist.is_initialized():
            return super().forward(x)
        axes, shape = [0, *range(2, x.dim())], (1, -1, *[1] * (x.dim() - 2))
        count = x.new_tensor([x.numel() / x.shape[1]])
        total, count = over_processes(torch.cat([x.sum(axes), count])).split([x.shape[1], 1])
        mean = total / count
        centred = x - mean.view(shape)
        var = over_processes(centred.square().sum(axes)) / count
        self.follow(mean.detach(), (var * count / (count - 1)).detach())
        x = centred * torch.rsqrt(var + self.eps).view(shape)
        return x * self.weight.view(shape) + self.bias.view(shape) if self.affine else x

    def follow(self, mean: Tensor, var: Tensor) -> None:
        """Move the running statistics."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var, momentum)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take any number of axes."""


def over_processes(x: Tensor) -> Tensor:
    """Return the sum of `x` over all processes."""
    total: Tensor = SumOverProcesses.apply(x)
    return total


def synchronise(module: nn.Module) -> nn.Module:
    """Return the module with each batch normalisation in it replaced by one over all processes."""
    if isinstance(module, _BatchNorm):
        synced = CpuSyncBatchNorm(module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
        synced._parameters, synced._buffers = module._parameters, module._buffers
        return synced.train(module.training)
    for name, child in module.named_children():
        setattr(module, name, synchronise(child))
    return module


class CpuSyncNorm(TorchSyncBatchNorm):
    """Lightning's plugin with `CpuSyncBatchNorm`."""

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
