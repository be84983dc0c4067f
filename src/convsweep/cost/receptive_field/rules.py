"""Rules of the receptive field: from the fields of an operation's operands to the field of its
result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from convsweep.cost.operations import operators
from convsweep.cost.receptive_field.field import Field, blind, pointwise


@dataclass(frozen=True)
class Call:
    """One operation: its positional arguments, its (first) result, and the fields of tensors."""

    args: Sequence[Any]
    out: Tensor
    field_of: Callable[[Any], Field | None]

    @property
    def fields(self) -> list[Field]:
        """Fields of all tensors it reads that depend on the input."""
        tensors = [
            each for arg in self.args for each in (arg if isinstance(arg, list | tuple) else [arg])
        ]
        return [field for tensor in tensors if (field := self.field_of(tensor)) is not None]

    @property
    def source(self) -> Field:
        """Field of the first argument, which depends on the input."""
        field = self.field_of(self.args[0])
        assert field is not None
        return field

    def option(self, index: int, default: Any = None) -> Any:
        """Return an argument, or its default if it was omitted or is empty."""
        given = self.args[index] if len(self.args) > index else None
        return default if given is None or given == [] else given


Rule: TypeAlias = Callable[[Call], Field]

# By operation (aten's overload packet). An operation without a rule is assumed to read any
# position.
RULES: dict[Any, Rule] = {}

# Operations that read several tensors, any of which may depend on the input.
JOINS: set[Any] = set()


def rule(*names: str, joins: bool = False) -> Callable[[Rule], Rule]:
    """Register a rule for operations of aten.

    Args:
        names: operations that this version of torch lacks are left out.
        joins: apply the rule if any argument depends on the input, not only the first.
    """

    operations = operators(*names)

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(operations, function))
        JOINS.update(operations if joins else ())
        return function

    return register


def field_behind(operation: Any, call: Call) -> Field | None:
    """Return the field of an operation's result; None if it does not depend on the input."""
    fields = call.fields
    if not fields:
        return None
    packet = operation.overloadpacket
    follow = RULES.get(packet)
    if follow is not None and (packet in JOINS or call.field_of(call.args[0]) is not None):
        return follow(call)
    if torch.Tag.pointwise in operation.tags:
        return pointwise(fields, call.out.shape)
    return blind(fields, call.out.shape)
