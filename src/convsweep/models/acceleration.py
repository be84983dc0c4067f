"""Trains a network that is too slow or too large: compiled, or with its activations computed again
instead of kept.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Literal

import torch
from torch import nn

from convsweep.nets.layer_kinds import BatchNorm

Compile = Literal["none", "default", "reduce-overhead", "max-autotune"]
Recompute = Literal["none", "blocks"]
# Modes in which a GPU runs recorded graphs: what one run returns, gradients too, the next run
# overwrites.
CUDA_GRAPHS: tuple[Compile, ...] = ("reduce-overhead", "max-autotune")


def compile_in_place(net: nn.Module, mode: Compile) -> None:
    """Compile a network when it first runs; its parameters keep their names. `reduce-overhead`
    takes CUDA graphs.
    """
    if mode != "none":
        net.compile(mode=None if mode == "default" else mode, dynamic=False)


def only_compiled_for(is_first_size: bool) -> AbstractContextManager[None]:
    """Return what a compiled network runs in, as it comes where a batch has not the size that it is
    compiled for.

    Compiling, and recording a graph, takes longer than an epoch's last batch or a few samples for a
    picture.
    """
    return nullcontext() if is_first_size else torch.compiler.set_stance("force_eager")


def zero_own_gradients(net: nn.Module) -> None:
    """Give every parameter a gradient of zeros in memory of its own, which backward passes add to.

    Where there is none, a recorded backward pass leaves its result, which the next run overwrites.
    """
    for param in net.parameters():
        if param.grad is not None:
            param.grad.zero_()
        elif param.requires_grad:
            param.grad = torch.zeros_like(param)


def recompute_blocks(net: nn.Module) -> None:
    """Let the backward pass run every block of a network forward again, instead of keeping what is
    inside (Chen et al. 2016).
    """
    from torch.utils.checkpoint import checkpoint

    for block in blocks(net):
        contexts = partial(contexts_of, block)
        block.forward = partial(checkpoint, block.forward, use_reentrant=False, context_fn=contexts)  # type: ignore[method-assign]


def blocks(net: nn.Module) -> list[nn.Module]:
    """Return the parts of a network that run one after the other: its children, and theirs where
    they are mere containers.
    """
    found: list[nn.Module] = []
    for child in net.children():
        found += blocks(child) if isinstance(child, nn.Sequential | nn.ModuleList) else [child]
    return [block for block in found if any(True for _ in block.parameters())]


def contexts_of(
    block: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Return what a block runs in the first time and the second time."""
    return nullcontext(), keep_statistics(block)


@contextmanager
def keep_statistics(block: nn.Module) -> Iterator[None]:
    """Leave the running statistics of batch normalisation as they are: the same batch must not
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
