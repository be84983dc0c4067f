"""Synchronised batch normalisation on the CPU (`trainer.sync_batchnorm`), which torch has only for
GPUs.
"""

from typing import Any

import torch
import torch.distributed as dist
from lightning.pytorch.plugins import TorchSyncBatchNorm
from torch import Tensor, nn
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.nets.layer_kinds import BatchNorm


class SumOverProcesses(torch.autograd.Function):
    """The sum of a tensor over all processes; the gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """Return the sum."""
        total = x.clone()
        if dist.is_initialized():
            dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:  # type: ignore[override]
        """Return the sum of the gradients."""
        return SumOverProcesses.forward(ctx, grad)


class CpuSyncBatchNorm(nn.BatchNorm1d):
    """`torch.nn.SyncBatchNorm` for the CPU, with any number of processes and axes.

    Shape:
        (N, C, *) to (N, C, *); N may differ between processes.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` normalised by mean and variance of each channel over all processes."""
        if not self.training:
            has_statistics = self.running_mean is not None
            return F.batch_norm(
                x,
                self.running_mean,
                self.running_var,
                self.weight,
                self.bias,
                not has_statistics,
                eps=self.eps,
            )
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
        """Update the running statistics."""
        if (
            self.running_mean is None
            or self.running_var is None
            or self.num_batches_tracked is None
        ):
            return
        self.num_batches_tracked += 1
        momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(var, momentum)


def over_processes(x: Tensor) -> Tensor:
    """Return the sum of `x` over all processes."""
    total: Tensor = SumOverProcesses.apply(x)
    return total


def synchronise(module: nn.Module) -> nn.Module:
    """Return the module with each batch normalisation replaced by a synchronised one."""
    if isinstance(module, BatchNorm):
        synced = CpuSyncBatchNorm(
            module.num_features,
            module.eps,
            module.momentum,
            module.affine,
            module.track_running_stats,
        )
        synced.weight, synced.bias = module.weight, module.bias
        synced.running_mean, synced.running_var = module.running_mean, module.running_var
        synced.num_batches_tracked = module.num_batches_tracked
        return synced.train(module.training)
    for name, child in module.named_children():
        setattr(module, name, synchronise(child))
    return module


_ONLY_NORMALISE = (nn.BatchNorm2d.forward, nn.SyncBatchNorm.forward, CpuSyncBatchNorm.forward)


def check_replaceable(model: nn.Module) -> None:
    """Check that replaced layers do nothing else, unlike timm's `BatchNormAct2d`, which includes an
    activation.

    Raises:
        UserError: one does more than normalise.
    """
    for name, layer in model.named_modules():
        if isinstance(layer, BatchNorm) and type(layer).forward not in _ONLY_NORMALISE:
            rule = (
                "trainer.sync_batchnorm replaces each batch normalisation, which must do nothing"
                " else"
            )
            remedy = (
                "use trainer.sync_batchnorm=false, or a network that has these as layers of"
                " their own"
            )
            raise UserError(f"{rule}, but {name} ({type(layer).__name__}) does more; {remedy}")


class SyncNorm(TorchSyncBatchNorm):
    """Lightning's plugin, with `CpuSyncBatchNorm` for networks on the CPU."""

    def apply(self, model: nn.Module) -> nn.Module:
        """Return the model with synchronised layers.

        Raises:
            UserError: one of them does more than normalise.
        """
        check_replaceable(model)
        if all(param.device.type == "cpu" for param in model.parameters()):
            return synchronise(model)
        return super().apply(model)
