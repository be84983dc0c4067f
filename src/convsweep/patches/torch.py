"""Patches of torch: interception of operations."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from convsweep.patches.patch import Patch, resolve, takes

MODE = "torch.utils._python_dispatch:TorchDispatchMode"


def watch_operations(
    run: Callable[[Any, Sequence[Any], Mapping[str, Any]], Any],
) -> AbstractContextManager[object]:
    """Return a context in which `run` is called for each operation with its arguments, and returns
    its result.
    """
    mode: Any = resolve(MODE)

    class Watched(mode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            return run(func, args, kwargs or {})

    watched: AbstractContextManager[object] = Watched()
    return watched


OPERATIONS = Patch(
    name="torch_operations",
    what=(
        "Sees every operation of a network on the meta device, from which its receptive field"
        " follows"
    ),
    why="bug",
    reason=(
        "torch documents `TorchDispatchMode` but keeps it in a private module, and has nothing else"
        " that sees operations below autograd"
    ),
    tested={"torch": ">=2.8,<2.16"},
    check=lambda: takes(f"{MODE}.__torch_dispatch__", "self", "func", "types", "args", "kwargs"),
    apply=watch_operations,
    without="receptive fields are not known, and `budget.min_receptive_field` is refused",
)

PATCHES = (OPERATIONS,)
