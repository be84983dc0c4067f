"""Types, parsing and checks of the options of networks, without torch."""

import functools
from collections.abc import Mapping, Sequence
from math import inf
from typing import (
    Any,
    Literal,
    TypeAlias,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    overload,
)

from convsweep.errors import UserError, did_you_mean

Downsample = Literal["none", "stride", "max", "average", "blur", "patches"]
Block = Literal["plain", "basic", "bottleneck", "separable", "inverted", "convnext"]
Attention = Literal["none", "se", "hard_se", "eca"]
Skip = Literal["none", "add", "concat"]
Norm = Literal["none", "batch", "instance", "group", "layer", "channel"]
Activation = Literal[
    "relu",
    "relu6",
    "leaky_relu",
    "gelu",
    "silu",
    "hard_swish",
    "mish",
    "elu",
    "tanh",
    "sigmoid",
    "none",
]
Init = Literal["he", "torch"]

T = TypeVar("T")
# One value for every stage, or a list with one value a stage.
Each: TypeAlias = T | Sequence[T]

AT_LEAST_ZERO = {"pool_padding", "padding", "num_stages"}
FACTORS = {"width_growth", "expansion", "attention_ratio", "layer_scale", "norm_eps"}


def check(owner: str, name: str, value: Any, hint: Any) -> None:
    """Raise `UserError` unless `value` is one of the words, or a number of the type, that `hint`
    allows.
    """
    options = [hint] if get_origin(hint) is Literal or not get_args(hint) else list(get_args(hint))
    words = [
        word for option in options if get_origin(option) is Literal for word in get_args(option)
    ]
    number = isinstance(value, int | float) and not isinstance(value, bool)
    least = 0 if name in AT_LEAST_ZERO else 1
    if (value is None and type(None) in options) or (isinstance(value, str) and value in words):
        return
    if float in options and number and (0 < value < inf if name in FACTORS else 0 <= value < 1):
        return
    if int in options and number and isinstance(value, int) and value >= least:
        return
    rules = []
    if words:
        rules.append(f"one of {', '.join(words)}")
    if float in options:
        rules.append("a number > 0" if name in FACTORS else f"a probability, 0 <= {name} < 1")
    if int in options:
        rules.append(f"a whole number >= {least}")
    if type(None) in options:
        rules.append("null")
    hint_text = f"; {did_you_mean(value, words)}" if words and isinstance(value, str) else ""
    raise UserError(f"{owner}.{name} must be {' or '.join(rules)}, but is {value!r}{hint_text}")


@functools.cache
def hints_of(part: type) -> dict[str, Any]:
    """Return the types of a group's options."""
    return get_type_hints(part)


def parse(part: type[T], values: Mapping[str, Any] | None, owner: str) -> T:
    """Return `part(**values)` with every value checked; the error for an unknown key suggests the
    nearest known one.
    """
    values = dict(group(owner, values))
    hints = hints_of(part)  # type: ignore[arg-type]
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{owner} has no option {name!r}; {did_you_mean(name, hints)}")
        hint = hints[name]
        if is_list(value) and Sequence in (get_origin(hint), *map(get_origin, get_args(hint))):
            values[name] = tuple(value)
            for entry in value:
                check(owner, name, entry, int)
        elif get_origin(hint) is Sequence:
            raise UserError(
                f"{owner}.{name} must be a list of whole numbers >= 1, but is {value!r}"
            )
        else:
            check(owner, name, value, hint)
    return part(**values)


def group(owner: str, values: Any) -> Mapping[Any, Any]:
    """Return a group of options, empty for null; raise `UserError` for anything but a group."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise UserError(f"{owner} must be a group of options by name, but is {values!r}")
    return values


def is_list(value: Any) -> bool:
    """Return whether an option is a list of values rather than one."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def value_at(name: str, value: Any, index: int, count: int, count_name: str) -> Any:
    """Return the value at `index` out of one value for all or a list of `count`.

    Raises:
        UserError: the list has another length.
    """
    if not is_list(value):
        return value
    if len(value) != count:
        raise UserError(
            f"net.{name} must have {count_name}={count} values, or be one value for all, but has"
            f" {len(value)}: {list(value)}"
        )
    return value[index]


@overload
def scale_width(width: int, factor: float, multiple: int = 1) -> int: ...
@overload
def scale_width(width: int | None, factor: float, multiple: int = 1) -> int | None: ...
def scale_width(width: int | None, factor: float, multiple: int = 1) -> int | None:
    """Return a width multiplied by a factor, the nearest multiple of `multiple` but not 0; None
    stays.
    """
    if width is None:
        return None
    return multiple * max(1, round(width * factor / multiple))
