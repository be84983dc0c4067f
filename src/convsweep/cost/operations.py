"""Torch's single operations on the meta device: found by name, intercepted, and replaced by
shortcuts where torch is slow.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeAlias

import torch
from torch import Tensor

from convsweep.patches import is_usable, use
from convsweep.patches.torch import OPERATIONS

Run: TypeAlias = Callable[[Any, Sequence[Any], Mapping[str, Any]], Any]


def operators(*names: str) -> list[Any]:
    """Return aten's operators of these names that this version of torch has."""
    found = (getattr(torch.ops.aten, name, None) for name in names)
    return [operator for operator in found if operator is not None]


# Normalisations, and the shape of the statistics they return beside the result.
NORMS: dict[Any, Callable[..., Sequence[int]]] = {
    **dict.fromkeys(operators("native_batch_norm"), lambda x, *_: x.shape[1:2]),
    **dict.fromkeys(
        operators("native_group_norm"),
        lambda x, weight, bias, samples, channels, positions, groups, *_: (samples, groups),
    ),
}

# In-place fills, which have no effect on the meta device.
DRAWS = set(operators("normal_", "uniform_", "bernoulli_", "fill_", "zero_"))


def run(operation: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Return an operation's result; on meta tensors, in-place fills are skipped and normalisations
    only return their shapes.
    """
    first, packet = args[0] if args else None, operation.overloadpacket
    if isinstance(first, Tensor) and first.is_meta:
        if packet in DRAWS:
            return first
        if packet in NORMS:
            shape = NORMS[packet](*args)
            return first.new_empty(first.shape), first.new_empty(shape), first.new_empty(shape)
    return operation(*args, **kwargs)


def watch_operations(by: Run) -> AbstractContextManager[object]:
    """Return a context in which `by` runs every operation, or one without effect if torch does not
    allow it.
    """
    return use(OPERATIONS, by) or nullcontext()


def shortcut_operations() -> AbstractContextManager[object]:
    """Return a context in which meta-device operations take shortcuts, if torch allows it."""
    return watch_operations(run)


def can_watch() -> bool:
    """Return whether this version of torch lets operations be intercepted."""
    return is_usable(OPERATIONS)
