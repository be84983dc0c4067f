"""Layers by name: which a network has, and what they make of a sample, without running what comes
after them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convsweep.errors import UserError, did_you_mean
from convsweep.explain.draw.layers import watch_modules
from convsweep.explain.synth.subject import Subject


@dataclass(frozen=True)
class Layer:
    """A module that leaves feature maps: its name, its kind, and the shape (C, *spatial) that it
    leaves.
    """

    name: str
    kind: str
    shape: tuple[int, ...]


class Reached(Exception):  # noqa: N818 - an end, not an error
    """Raised after the last layer that is asked for: what follows need not run."""


@torch.no_grad()
def layers_of(subject: Subject) -> list[Layer]:
    """Return the layers without submodules that leave feature maps (C, *spatial), in the order in
    which they run.

    A module that runs twice is what it leaves the first time.

    Raises:
        UserError: there is none.
    """
    found: dict[str, Layer] = {}
    names = {module: name for name, module in subject.net.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        if list(module.children()):
            return
        if (
            isinstance(output, Tensor)
            and output.dim() == subject.dim + 2
            and max(output.shape[2:]) > 1
        ):
            layer = Layer(names[module], type(module).__name__, tuple(output.shape[1:]))
            found.setdefault(layer.name, layer)

    with watch_modules(subject.net, note):
        subject.logits(torch.zeros(1, *subject.in_shape, device=subject.device))
    if not found:
        raise UserError(
            "layers are those that leave feature maps of more than one position, but this network"
            " has none"
        )
    return list(found.values())


def listing(layers: Sequence[Layer]) -> str:
    """Return the layers as lines of name, kind and shape."""
    width = max(len(layer.name) for layer in layers)
    return "\n".join(
        f"{layer.name:{width}}  {layer.kind:14} {'x'.join(map(str, layer.shape))}"
        for layer in layers
    )


def check_layers(names: Sequence[str], layers: Sequence[Layer], option: str) -> list[str]:
    """Return the names if the network has them all.

    Raises:
        UserError: it lacks one.
    """
    known = [layer.name for layer in layers]
    for name in names:
        if name not in known:
            nearest = did_you_mean(name, known)
            raise UserError(
                f"{option} must name layers of the network, but there is no {name!r}; {nearest}"
                " (list_layers=true)"
            )
    return list(names)


def spread_out(layers: Sequence[Layer], count: int) -> list[str]:
    """Return the names of at most `count` activations (where a network has none, of any layers)
    from the first to the last.
    """
    kinds = ("ReLU", "LeakyReLU", "GELU", "SiLU", "ELU", "Tanh", "Sigmoid")
    chosen = [layer for layer in layers if layer.kind in kinds] or list(layers)
    if len(chosen) <= count:
        return [layer.name for layer in chosen]
    return [
        chosen[round(place * (len(chosen) - 1) / max(1, count - 1))].name for place in range(count)
    ]


def activations(subject: Subject, u: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Return what the named layers make of samples (N, C, *spatial), which may be of any size that
    gets through them.
    """
    found: dict[str, Tensor] = {}
    wanted = dict.fromkeys(names)

    def keep(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            found.setdefault(name, output)
            if len(found) == len(wanted):
                raise Reached
            return output.clone()  # a layer after may work in place

        handles.append(subject.net.get_submodule(name).register_forward_hook(hook))

    handles: list[torch.utils.hooks.RemovableHandle] = []
    for name in wanted:
        keep(name)
    try:
        subject.logits(u)
    except Reached:
        pass
    finally:
        for handle in handles:
            handle.remove()
    return found
