"""The layers of a network with inputs and outputs of a forward pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convsweep.errors import UserError, did_you_mean
from convsweep.linear_map.layers import is_known


@dataclass(frozen=True)
class Ran:
    """A module after a forward pass: its output, and the shape of its input for one sample."""

    name: str
    module: nn.Module
    in_shape: tuple[int, ...]
    y: Tensor


def run_layers(net: nn.Module, x: Tensor) -> list[Ran]:
    """Return every module that takes and returns one tensor, in the order in which they finish."""
    found: list[Ran] = []
    names = {module: name for name, module in net.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if len(inputs) == 1 and isinstance(inputs[0], Tensor) and isinstance(output, Tensor):
            found.append(
                Ran(names[module], module, tuple(inputs[0].shape[1:]), output.detach().clone())
            )

    with watch_modules(net, note), torch.no_grad():
        net(x)
    return found


@contextmanager
def watch_modules(net: nn.Module, note: Callable[..., None]) -> Iterator[None]:
    """Call `note(module, inputs, output)` after every module that runs inside the block."""
    handles = [module.register_forward_hook(note) for module in net.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def with_matrix(layers: list[Ran]) -> list[Ran]:
    """Return the linear layers; a convolution and its separate pad count as one."""
    known = [layer for layer in layers if is_known(layer.module)]
    padded = {id(layer.module[1]) for layer in known if isinstance(layer.module, nn.Sequential)}
    return [layer for layer in known if id(layer.module) not in padded]


def choose_layer(layers: list[Ran], name: str | None) -> Ran:
    """Return the layer with this name; None: the first one.

    Raises:
        UserError: there is no such layer.
    """
    if name is None:
        return layers[0]
    names = [layer.name for layer in layers]
    if name not in names:
        raise UserError(
            f"--layer must be one of {', '.join(names)}, but is {name!r};"
            f" {did_you_mean(name, names)}"
        )
    return layers[names.index(name)]
