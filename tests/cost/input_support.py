"""What of its input an output position depends on: by its gradient, and as it is followed through a
network.
"""

import torch
from torch import Tensor, nn

from convsweep.cost.receptive_field.field import Field
from convsweep.cost.trace import trace
from convsweep.nets.blocks import POOL


class Passing(nn.Module):
    """Max pool whose gradient reaches every position of its window, as the bound supposes."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        dim = next(dim for dim, kind in POOL["max"].items() if isinstance(pool, kind))
        self.pool = POOL["average"][dim](pool.kernel_size, pool.stride, pool.padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x)


def positive(net: nn.Module) -> nn.Module:
    """Let nothing cancel: positive weights, no activation that could be flat, averages for
    maxima.
    """
    for module in list(net.modules()):
        for child_name, child in list(module.named_children()):
            if isinstance(child, tuple(POOL["max"].values())):
                setattr(module, child_name, Passing(child))
    for param in net.parameters():
        nn.init.uniform_(param, 0.5, 1.5)
    return net.double().eval()


def support(
    net: nn.Module, in_shape: tuple[int, ...], position: tuple[int, ...]
) -> list[tuple[int, int]]:
    """Return the first and last input position, along each axis, that one output position has a
    gradient to.
    """
    x = torch.ones(1, *in_shape, dtype=torch.float64, requires_grad=True)
    net(x)[(0, 0, *position)].backward()
    touched = x.grad[0].abs().sum(0) > 0
    spans = []
    for axis in range(touched.dim()):
        along = touched.movedim(axis, 0).reshape(touched.shape[axis], -1).any(1).nonzero().flatten()
        spans.append((int(along[0]), int(along[-1])))
    return spans


def field_of(net: nn.Module, in_shape: tuple[int, ...]) -> Field:
    """Return the field of what a network returns."""
    with torch.device("meta"):
        traced, out = trace(net.to("meta").eval(), in_shape)
    field = traced.field_of(out)
    assert field is not None
    return field
