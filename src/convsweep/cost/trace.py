"""One forward pass on the meta device: every layer's output shape, multiply-accumulates and
receptive field.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from convsweep.cost import operations
from convsweep.cost.modules import Running, empty_input, follow_modules, main_tensor
from convsweep.cost.receptive_field import rules_layout as rules_layout
from convsweep.cost.receptive_field import rules_window
from convsweep.cost.receptive_field.field import Field, input_field
from convsweep.cost.receptive_field.rules import RULES, Call, field_behind

# Operations that read neighbouring positions.
LOOKING = {packet for packet, follow in RULES.items() if follow.__module__ == rules_window.__name__}

# Operations that return tensors of different shapes, all of which are parts of the first argument.
PARTS = set(operations.operators("split", "split_with_sizes", "unbind"))


@dataclass(frozen=True)
class Traced:
    """A module that ran: its name and class, and the shape and the field of its output."""

    name: str
    kind: str
    out_shape: tuple[int, ...]
    field: Field | None


class Trace:
    """Follows every operation of a forward pass.

    Multiply-accumulates are half of the operations that torch's flop counter counts (convolutions
    and products of matrices, no biases, normalisations or activations), credited to the innermost
    running module. The receptive field is followed from tensor to tensor; values written into a
    part of an existing tensor are not followed.
    """

    def __init__(self, x: Tensor, counter: FlopCounterMode) -> None:
        self.counter, self.counted = counter, 0
        self.macs: Counter[str] = Counter()
        self.looks: set[str] = set()
        self.stack: Sequence[Running] = ()
        self.layers: list[Traced] = []
        self.fields: dict[int, Field] = (
            {id(x): input_field(x.shape)} if operations.can_watch() else {}
        )
        self.kept: list[Tensor] = [x]

    def field_of(self, tensor: Any) -> Field | None:
        """Return the field of a tensor's positions; None if it does not depend on the input."""
        return self.fields.get(id(tensor))

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of all modules."""
        return self.macs.total()

    def credit(self, name: str) -> None:
        """Credit a module with the operations counted since the last switch."""
        total = self.counter.get_total_flops()
        self.macs[name] += (total - self.counted) // 2
        self.counted = total

    def run(self, operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run an operation and record the field of its result."""
        out = operations.run(operation, args, kwargs)
        if operation.overloadpacket in LOOKING:
            self.looks.add(self.stack[-1].name if self.stack else "")
        results = (
            [out]
            if isinstance(out, Tensor)
            else [each for each in out or () if isinstance(each, Tensor)]
        )
        self.note(operation, args, results)
        return out

    def note(self, func: Any, args: Sequence[Any], results: list[Tensor]) -> None:
        """Record the fields of an operation's results."""
        for result in results:
            if result.shape != results[0].shape and func.overloadpacket not in PARTS:
                continue
            field = field_behind(func, Call(args, result, self.field_of))
            if field is not None:
                self.fields[id(result)] = field
                self.kept.append(result)

    def leave(self, running: Running, out: Tensor | None) -> None:
        """Record a module that has ended."""
        if out is not None:
            self.layers.append(
                Traced(running.name, running.kind, tuple(out.shape[1:]), self.field_of(out))
            )


@torch.no_grad()
def trace(net: nn.Module, in_shape: Sequence[int]) -> tuple[Trace, Tensor | None]:
    """Return the trace of a network on the meta device in evaluation mode, and its output.

    Raises:
        InfeasibleError: a layer cannot take its input.
        UntraceableError: a layer needs data.
    """
    x = empty_input(net, in_shape, 1)
    counter = FlopCounterMode(display=False)
    traced = Trace(x, counter)
    with (
        follow_modules(net, x, traced.credit, traced.leave) as traced.stack,
        counter,
        operations.watch_operations(traced.run),
    ):
        out = main_tensor(net(x))
    traced.credit("")
    return traced, out
