"""Compilation, and recomputation of activations (checkpointing)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Literal

import torch
from torch import nn

from convsweep.nets.layer_kinds import BatchNorm

Compile = Literal["none", "default", "reduce-overhead", "max-autotune"]
Recompute = Literal["none", "blocks"]
# Modes with CUDA graphs: each run overwrites the outputs and gradients of the one before.
CUDA_GRAPHS: tuple[Compile, ...] = ("reduce-overhead", "max-autotune")


def compile_in_place(net: nn.Module, mode: Compile) -> None:
    """Compile a network at its first run, without renaming its parameters. `reduce-overhead` uses
    CUDA graphs.
    """
    if mode != "none":
        net.compile(mode=None if mode == "default" else mode, dynamic=False)


def only_compiled_for(is_first_size: bool) -> AbstractContextManager[None]:
    """Return a context that runs a compiled network eagerly for batches of other sizes than the
    first.

    Compiling again takes longer than the last batch of an epoch, or a few samples for a picture,
    run eagerly.
    """
    return nullcontext() if is_first_size else torch.compiler.set_stance("force_eager")


def zero_own_gradients(net: nn.Module) -> None:
    """Allocate a zero gradient for every parameter, to which backward passes add.

    Otherwise the gradient would be the output of a recorded graph, which the next run overwrites.
    """
    for param in net.parameters():
        if param.grad is not None:
            param.grad.zero_()
        elif param.requires_grad:
            param.grad = torch.zeros_like(param)


def recompute_blocks(net: nn.Module) -> None:
    """Recompute the activations of every block in the backward pass instead of storing them (Chen
    et al. 2016).
    """
    from torch.utils.checkpoint import checkpoint

    for block in blocks(net):
        contexts = partial(contexts_of, block)
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=contexts)  # type: ignore[method-assign]


def blocks(net: nn.Module) -> list[nn.Module]:
    """Return the sequential parts of a network: its children, or their children for plain
    containers.
    """
    found: list[nn.Module] = []
    for child in net.children():
        found += blocks(child) if isinstance(child, nn.Sequential | nn.ModuleList) else [child]
    return [block for block in found if any(True for _ in block.parameters())]


def contexts_of(
    block: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return the contexts of a block's first run and of its recomputation."""
    return nullcontext(), keep_statistics(block)


@contextmanager
def keep_statistics(block: nn.Module) -> Iterator[None]:
    """Do not update the running statistics of batch normalisation, since the same batch must not
    count twice.
    """
    norms = [
        module
        for module in block.modules()
        if isinstance(module, BatchNorm) and module.track_running_stats
    ]
    before = [(norm, norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm, _, count in before:
        norm.momentum = 0.0
        norm.num_batches_tracked = None if count is None else count.clone()
    try:
        yield
    finally:
        for norm, momentum, count in before:
            norm.momentum, norm.num_batches_tracked = momentum, count
