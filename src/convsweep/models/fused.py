"""Fused optimiser steps, for optimisers and devices that support them."""

import inspect
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

# Options of an optimiser that choose the implementation of its step.
OTHER_WAYS = ("fused", "foreach", "capturable", "differentiable")


def build_optimizer(
    make: Callable[..., Optimizer], groups: list[dict[str, Any]], is_scaled: bool = False
) -> Optimizer:
    """Return the optimiser of parameter groups, fused if possible.

    Args:
        make: returns the optimiser.
        groups: parameter groups with their options.
        is_scaled: whether gradients are multiplied by a loss scale, which a fused step would remove
            only after clipping.
    """
    params = [param for group in groups for param in group["params"]]
    if is_scaled or not can_be_fused(make, params):
        return make(groups)
    optimizer = make(groups, fused=True)
    optimizer.register_load_state_dict_post_hook(lay_out_state)
    return optimizer


def can_be_fused(make: Callable[..., Optimizer], params: Iterable[nn.Parameter]) -> bool:
    """Return whether an optimiser has a fused step for these parameters and its config does not
    choose another.
    """
    if not isinstance(make, partial) or "fused" not in inspect.signature(make.func).parameters:
        return False
    if any(make.keywords.get(way) is not None for way in OTHER_WAYS):
        return False
    # excludes shards, which have another type
    return all(type(param) is nn.Parameter and is_fusible(param) for param in params)


def is_fusible(param: nn.Parameter) -> bool:
    """Return whether torch's fused steps support a parameter."""
    return param.device.type in ("cpu", "cuda") and param.is_floating_point()


def lay_out_state(optimizer: Optimizer) -> None:
    """Give a restored state the memory layout of its parameters, since fused steps on the CPU pair
    values by their place in memory.
    """
    for param, state in optimizer.state.items():
        for name, value in state.items():
            if (
                isinstance(value, torch.Tensor)
                and value.shape == param.shape
                and value.stride() != param.stride()
            ):
                state[name] = torch.empty_like(param, dtype=value.dtype).copy_(value)
