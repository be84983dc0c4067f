"""Copies one network's parameters and buffers to another of the same parts in the same order."""

import torch
from torch import nn


@torch.no_grad()
def copy_in_order(source: nn.Module, target: nn.Module) -> None:
    """Copy parameters and buffers one by one; their number and shapes must agree."""
    for kind in ("parameters", "buffers"):
        pairs = list(zip(getattr(source, kind)(), getattr(target, kind)(), strict=True))
        assert [a.shape for a, _ in pairs] == [b.shape for _, b in pairs]
        for a, b in pairs:
            b.copy_(a)
