"""Check of options annotated as `Literal` in a constructor."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, Unpack, get_args, get_origin, get_type_hints

from convsweep.errors import UserError, did_you_mean


def check_words(part: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check the options of a part of the config whose annotation is a `Literal`, including
    arguments of base classes.

    Raises:
        UserError: an option has a value that its annotation does not allow.
    """
    hints = annotations(target)
    for name, value in options.items():
        words = get_args(hints.get(name)) if get_origin(hints.get(name)) is Literal else None
        if words is not None and value not in words:
            raise UserError(
                f"{part}.{name} must be one of {', '.join(map(str, words))}, but is {value!r};"
                f" {did_you_mean(value, words)}"
            )


def annotations(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function, or of a class and its bases; empty if they cannot be
    resolved.
    """
    takers: list[Any] = (
        [getattr(base, "__init__") for base in reversed(target.__mro__)]  # noqa: B009
        if isinstance(target, type)
        else [target]
    )
    hints: dict[str, Any] = {}
    for taker in takers:
        with suppress(NameError, TypeError):
            hints |= get_type_hints(taker)
    for hint in list(hints.values()):
        if get_origin(hint) is Unpack:
            hints |= get_type_hints(get_args(hint)[0])
    return hints
