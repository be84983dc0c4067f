"""A LightningModule with memory layout, compilation and fused optimiser steps chosen for the
device.
"""

from collections.abc import Callable
from typing import Any

import lightning as L
import torch
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor, nn
from torch.optim import Optimizer

from convsweep.models.acceleration import (
    CUDA_GRAPHS,
    Compile,
    Recompute,
    compile_in_place,
    only_compiled_for,
    recompute_blocks,
    zero_own_gradients,
)
from convsweep.models.fused import build_optimizer
from convsweep.models.memory_format import MemoryFormat, lay_out


class Accelerated(L.LightningModule):
    """Base of `Model` that holds the network and runs it.

    Args:
        net: any module from (N, C, *spatial).
        in_shape: (C, *spatial) of a sample.
        memory_format: memory layout of images and volumes; `auto` takes the one measured to be
            faster on the device.
        compile: compile the network for training in one of `torch.compile`'s modes, or `none`.
        recompute: `blocks` recomputes the activations inside of blocks in the backward pass: less
            memory, more time.
    """

    def __init__(
        self,
        net: nn.Module,
        in_shape: tuple[int, ...],
        memory_format: MemoryFormat,
        compile: Compile,
        recompute: Recompute,
    ) -> None:
        super().__init__()
        self.net, self.in_shape = net, in_shape
        self.memory_format, self.compile_mode, self.recompute = memory_format, compile, recompute
        self.layout = torch.contiguous_format
        self.is_compiled = False
        self.compiled_sizes: dict[bool, int] = {}
        self.keeps_gradients = False

    def setup(self, stage: str) -> None:
        if stage == "fit":
            self.lay_out(self.trainer.strategy.root_device)

    def lay_out(self, device: torch.device) -> None:
        """Choose the memory layout for a device and apply it to the network."""
        self.layout = lay_out(self.net, self.memory_format, self.in_shape, device)

    def on_fit_start(self) -> None:
        if self.recompute == "blocks":
            recompute_blocks(self.net)
        if self.compile_mode == "none":
            return
        compile_in_place(self.net, self.compile_mode)
        self.is_compiled = True
        for loop in (
            self.trainer.fit_loop.epoch_loop.val_loop,
            self.trainer.validate_loop,
            self.trainer.test_loop,
        ):
            # inference tensors must not be captured in a graph that training also runs
            loop.inference_mode = False
        self.keeps_gradients = (
            self.compile_mode in CUDA_GRAPHS and self.trainer.accumulate_grad_batches > 1
        )

    def run(self, x: Tensor) -> Tensor:
        """Return the output for a normalised batch; the network is compiled for the first batch
        size it gets.
        """
        x = x.contiguous(memory_format=self.layout)
        is_first_size = not self.is_compiled or self.compiled_sizes.setdefault(
            self.training, len(x)
        ) == len(x)
        with only_compiled_for(is_first_size):
            out: Tensor = self.net(x)
        return out

    def build_optimizer(
        self, make: Callable[..., Optimizer], groups: list[dict[str, Any]]
    ) -> Optimizer:
        """Return the optimiser of parameter groups, fused if possible."""
        return build_optimizer(
            make,
            groups,
            is_scaled=getattr(self.trainer.precision_plugin, "scaler", None) is not None,
        )

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        plugin = self.trainer.precision_plugin
        if (
            not gradient_clip_val
            or not isinstance(plugin, MixedPrecision)
            or plugin.scaler is not None
        ):
            super().configure_gradient_clipping(
                optimizer, gradient_clip_val, gradient_clip_algorithm
            )
            return
        # The precision plugin would refuse a fused optimiser; without a scaler the gradients are
        # not scaled, so clipping is correct.
        clip = (
            nn.utils.clip_grad_value_
            if gradient_clip_algorithm == "value"
            else nn.utils.clip_grad_norm_
        )
        clip(
            [param for group in optimizer.param_groups for param in group["params"]],
            gradient_clip_val,
        )

    def optimizer_zero_grad(self, epoch: int, batch_idx: int, optimizer: Optimizer) -> None:
        if self.keeps_gradients:
            zero_own_gradients(self.net)
        else:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)
