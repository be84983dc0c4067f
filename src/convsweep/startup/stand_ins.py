"""What stands for four modules that torch and Lightning name in every training, but need only where something is compiled.

`torch._dynamo` is the machinery of `torch.compile`: Lightning asks whether a module is compiled, the first optimiser has a few
functions left out of compiling, and several processes have it forget what it has not learnt yet.
`torch.fx.experimental.symbolic_shapes` and `sympy` calculate with unknown sizes: the meta device, on which a network is measured,
asks them about known ones. `triton` is the language of compiled kernels: torch's counter of operations, which Lightning loads,
asks what is one.
"""

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any

from convsweep.startup.deferred_imports import ClassStandIn, ModuleStandIn, defer, is_loaded, real

DYNAMO, SHAPES, SYMPY = "torch._dynamo", "torch.fx.experimental.symbolic_shapes", "sympy"
DYNAMO_UTILS, RULES = f"{DYNAMO}.utils", f"{DYNAMO}.trace_rules"
TRITON_PACKAGES, KERNELS = ("triton", "triton.runtime"), "triton.runtime.jit"


BOOLS = ("expect_true", "guard_bool", "guard_or_false", "guard_or_true", "statically_known_true")
ANSWER_ITSELF: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(BOOLS, (bool,)),
    "guarding_hint_or_throw": (bool, int),
    "guard_size_oblivious": (),
}
"""Functions of `symbolic_shapes` that return what hides nothing unknown as it is, and the types of which they do."""


def defer_compiling() -> None:
    """Put off all four until they are needed; call it before torch is imported."""
    optimized = ClassStandIn(DYNAMO, "OptimizedModule")
    utils = {"get_optimize_ddp_mode": get_optimize_ddp_mode}
    inside = {"utils": ModuleStandIn(DYNAMO_UTILS, utils), "trace_rules": ModuleStandIn(RULES, {"clear_lru_cache": lambda: None})}
    defer(DYNAMO, {"disable": disable, "graph_break": graph_break, "OptimizedModule": optimized, **inside})
    asked_later = asked(DYNAMO_UTILS, "is_compile_supported")
    defer(DYNAMO_UTILS, {"is_compile_supported": asked_later, **utils})  # torchvision imports it
    answers = {answer.__name__: answer for answer in (sym_and, sym_or, sym_eq, is_nested_int, has_guarding_hint)}
    defer(SHAPES, answers | {name: answered_by_itself(name, types) for name, types in ANSWER_ITSELF.items()})
    defer(SYMPY, {"Basic": ClassStandIn(SYMPY, "Basic")})
    for package in TRITON_PACKAGES:
        defer(package, {})
    defer(KERNELS, {"JITFunction": ClassStandIn(KERNELS, "JITFunction")})


def disable(fn: Callable[..., Any] | None = None, recursive: bool = True, **options: Any) -> Callable[..., Any]:
    """Return the function as it is for as long as nothing can be compiled, and then what `torch._dynamo.disable` makes of it."""
    if not isinstance(fn, FunctionType):
        made: Callable[..., Any] = real(DYNAMO, "disable")(fn, recursive, **options)
        return made
    disabled: Callable[..., Any] | None = None

    @functools.wraps(fn)
    def uncompiled(*args: Any, **kwargs: Any) -> Any:
        nonlocal disabled
        if disabled is None:
            if not is_loaded(DYNAMO):
                return fn(*args, **kwargs)
            disabled = real(DYNAMO, "disable")(fn, recursive, **options)
        return disabled(*args, **kwargs)

    return uncompiled


def graph_break(msg: str = "") -> None:
    """Do nothing, as outside of a compiled graph."""


def get_optimize_ddp_mode() -> str:
    """Return the default of how gradients are exchanged in compiled code: nobody can have set another before it is loaded."""
    return "ddp_optimizer"


def asked(module: str, name: str) -> Callable[..., Any]:
    """Return a function that may be imported without its module, and loads it when it is called."""

    def ask(*args: Any, **kwargs: Any) -> Any:
        return real(module, name)(*args, **kwargs)

    return ask


def answered_by_itself(name: str, types: tuple[type, ...]) -> Callable[..., Any]:
    """Return a function that returns values of these types as they are."""

    def answer(value: Any, *args: Any) -> Any:
        return value if type(value) in types else real(SHAPES, name)(value, *args)

    return answer


def sym_and(*conditions: Any) -> Any:
    """Return whether all hold."""
    known = all(type(condition) is bool for condition in conditions)
    return all(conditions) if known else real(SHAPES, "sym_and")(*conditions)


def sym_or(*conditions: Any) -> Any:
    """Return whether any holds."""
    known = all(type(condition) is bool for condition in conditions)
    return any(conditions) if known else real(SHAPES, "sym_or")(*conditions)


def sym_eq(first: Any, second: Any) -> Any:
    """Return whether two sizes, or two shapes, are equal."""
    return first == second if is_known(first) and is_known(second) else real(SHAPES, "sym_eq")(first, second)


def is_known(size: Any) -> bool:
    """Return whether a size is an int, or a shape a tuple of ints."""
    return type(size) is int or (type(size) is tuple and all(type(one) is int for one in size))


def is_nested_int(size: Any) -> Any:
    """Return whether a size is that of a nested tensor."""
    return type(size) is not int and real(SHAPES, "is_nested_int")(size)


def has_guarding_hint(size: Any) -> Any:
    """Return whether something is known of a size."""
    return type(size) in (bool, int, float) or real(SHAPES, "has_guarding_hint")(size)
