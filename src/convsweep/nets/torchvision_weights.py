"""Copies weights of torchvision's networks to ours, whose layers have nearly the same order."""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.nets.geometry import shape_text

# Parts of blocks that torchvision's state dict has before the block's convolutions, ours after
# them.
STATED_FIRST = (".proj.", ".layer_scale")


def in_order(names: Iterable[str]) -> list[str]:
    """Return a state dict's names in the order of our networks.

    `features.1.0.layer_scale` and `block1.0.proj.0.weight` follow the rest of their blocks.
    """
    order: list[str] = []
    waiting: list[str] = []
    owner = ""
    for name in names:
        if waiting and not name.startswith(owner):
            order, waiting = [*order, *waiting], []
        part = next((part for part in STATED_FIRST if part in name), None)
        if part is None:
            order.append(name)
        else:
            owner = name[: name.index(part) + 1]
            waiting.append(name)
    return [*order, *waiting]


def weights_in_order(state: Mapping[str, Tensor]) -> list[Tensor]:
    """Return weights and statistics of a torchvision state dict in the order of our networks."""
    return [state[name] for name in in_order(state) if not name.endswith("num_batches_tracked")]


@torch.no_grad()
def copy_in_order(source: nn.Module | Mapping[str, Tensor], target: nn.Module) -> None:
    """Copy the weights of a network of torchvision to one of ours with the same layers.

    Shapes may differ in axes of one position: a linear layer is a 1x1 convolution.

    Args:
        source: a network of torchvision, or its state dict.
        target: a network of ours.

    Raises:
        UserError: the numbers of tensors, or the shapes of two tensors, differ.
    """
    state = source.state_dict() if isinstance(source, nn.Module) else source
    given, own = weights_in_order(state), target.state_dict()
    taken = {name: own[name] for name in own if not name.endswith("num_batches_tracked")}
    if len(given) != len(taken):
        raise UserError(
            f"weights must hold {len(taken)} tensors for this net, but hold {len(given)}"
        )
    for (name, mine), theirs in zip(taken.items(), given, strict=True):
        if squeezed_shape(mine) != squeezed_shape(theirs):
            raise UserError(
                f"weights must fit the net, but {name} has the shape {shape_text(mine.shape)} and"
                f" the weights have {shape_text(theirs.shape)} there"
            )
        mine.copy_(theirs.reshape(mine.shape))


def squeezed_shape(tensor: Tensor) -> tuple[int, ...]:
    """Return a shape without its axes of one position."""
    return tuple(size for size in tensor.shape if size > 1)
