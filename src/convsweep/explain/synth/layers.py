"""Layers of a network by name, and their outputs without running later layers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from convsweep.errors import UserError, did_you_mean
from convsweep.explain.draw.layers import watch_modules
from convsweep.explain.synth.subject import SynthSubject


@dataclass(frozen=True)
class NamedLayer:
    """A module with feature maps: name, kind, and output shape (C, *spatial)."""

    name: str
    kind: str
    shape: tuple[int, ...]


class Reached(Exception):  # noqa: N818 - an end, not an error
    """Raised after the last requested layer, to skip later ones."""


@torch.no_grad()
def layers_of(subject: SynthSubject) -> list[NamedLayer]:
    """Return the layers without submodules whose outputs are feature maps (C, *spatial), in the
    order in which they run.

    For a module that runs twice the first output counts.

    Raises:
        UserError: there is none.
    """
    found: dict[str, NamedLayer] = {}
    names = {module: name for name, module in subject.net.named_modules()}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: object) -> None:
        if list(module.children()):
            return
        if (
            isinstance(output, Tensor)
            and output.dim() == subject.dim + 2
            and max(output.shape[2:]) > 1
        ):
            layer = NamedLayer(names[module], type(module).__name__, tuple(output.shape[1:]))
            found.setdefault(layer.name, layer)

    with watch_modules(subject.net, note):
        subject.logits(torch.zeros(1, *subject.in_shape, device=subject.device))
    if not found:
        raise UserError(
            "layers are those that leave feature maps of more than one position, but this network"
            " has none"
        )
    return list(found.values())


def listing(layers: Sequence[NamedLayer]) -> str:
    """Return lines with name, kind and shape of the layers."""
    width = max(len(layer.name) for layer in layers)
    return "\n".join(
        f"{layer.name:{width}}  {layer.kind:14} {'x'.join(map(str, layer.shape))}"
        for layer in layers
    )


def check_layers(names: Sequence[str], layers: Sequence[NamedLayer], option: str) -> list[str]:
    """Return the names, after checking that they are layers of the network.

    Raises:
        UserError: one is not a layer.
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


def spread_out(layers: Sequence[NamedLayer], count: int) -> list[str]:
    """Return the names of at most `count` activations (or other layers if there are none), spread
    from the first to the last.
    """
    kinds = ("ReLU", "LeakyReLU", "GELU", "SiLU", "ELU", "Tanh", "Sigmoid")
    chosen = [layer for layer in layers if layer.kind in kinds] or list(layers)
    if len(chosen) <= count:
        return [layer.name for layer in chosen]
    return [
        chosen[round(place * (len(chosen) - 1) / max(1, count - 1))].name for place in range(count)
    ]


def activations(subject: SynthSubject, u: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Return the outputs of the named layers for samples (N, C, *spatial) of any size that these
    layers accept.
    """
    found: dict[str, Tensor] = {}
    wanted = dict.fromkeys(names)

    def keep(name: str) -> None:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            found.setdefault(name, output)
            if len(found) == len(wanted):
                raise Reached
            return output.clone()  # later layers may work in place

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
