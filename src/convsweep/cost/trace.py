"""One forward pass on the meta device: every layer's output shape, multiply-accumulates and receptive field."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import flop_registry

from convsweep.cost import rules_layout as rules_layout
from convsweep.cost import rules_window
from convsweep.cost.field import Field, input_field
from convsweep.cost.modules import Running, empty_input, followed, main_tensor
from convsweep.cost.rules import RULES, Call, field_behind
from convsweep.cost.weightless import Weightless

LOOKING = {packet for packet, follow in RULES.items() if follow.__module__ == rules_window.__name__}
"""Operations that look around a position."""


@dataclass(frozen=True)
class Traced:
    """A module that ran: its name and class, the shape of what it returned, and what that sees."""

    name: str
    kind: str
    out_shape: tuple[int, ...]
    field: Field | None


class Trace(Weightless):
    """Follows every operation below this mode.

    Multiply-accumulates are half of what torch's flop counter counts (convolutions and products of matrices, no biases,
    normalisations or activations), credited to the innermost running module. The receptive field is followed from tensor
    to tensor; what a network writes into a part of an existing tensor is not seen there.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.macs: Counter[str] = Counter()
        self.looks: set[str] = set()
        self.stack: Sequence[Running] = ()
        self.layers: list[Traced] = []
        self.fields: dict[int, Field] = {id(x): input_field(x.shape)}
        self.kept: list[Tensor] = [x]

    def field_of(self, tensor: Any) -> Field | None:
        """Return what is known of a tensor's positions; None if it does not depend on the input."""
        return self.fields.get(id(tensor))

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of all modules."""
        return self.macs.total()

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        """Run an operation and note what it costs and sees."""
        out = self.run(func, args, kwargs)
        packet, name = func.overloadpacket, self.stack[-1].name if self.stack else ""
        if packet in flop_registry:
            self.macs[name] += flop_registry[packet](*args, **(kwargs or {}), out_val=out) // 2
        if packet in LOOKING:
            self.looks.add(name)
        results = [out] if isinstance(out, Tensor) else [each for each in out or () if isinstance(each, Tensor)]
        self.note(func, args, results)
        return out

    def note(self, func: Any, args: Sequence[Any], results: list[Tensor]) -> None:
        """Note what the results of an operation see."""
        for result in results:
            if result.shape != results[0].shape and func.overloadpacket not in PARTS:
                continue
            field = field_behind(func, Call(args, result, self.field_of))
            if field is not None:
                self.fields[id(result)] = field
                self.kept.append(result)

    def leave(self, running: Running, out: Tensor | None) -> None:
        """Note a module that has run."""
        if out is not None:
            self.layers.append(Traced(running.name, running.kind, tuple(out.shape[1:]), self.field_of(out)))


PARTS = {torch.ops.aten.split, torch.ops.aten.split_with_sizes, torch.ops.aten.unbind}


@torch.no_grad()
def trace(net: nn.Module, in_shape: Sequence[int]) -> tuple[Trace, Tensor | None]:
    """Return the trace of a network on the meta device in evaluation mode, and what it returned.

    Raises:
        InfeasibleError: a layer cannot take its input.
        UntraceableError: a layer needs data.
    """
    x = empty_input(net, in_shape, 1)
    mode = Trace(x)
    with followed(net, mode.leave) as mode.stack, mode:
        out = main_tensor(net(x))
    return mode, out
