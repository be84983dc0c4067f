"""Options that are words, held to the words that the constructor's annotations allow."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, Unpack, get_args, get_origin, get_type_hints

from convsweep.errors import UserError, did_you_mean


def check_words(part: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check the options of a part of the config whose annotation is a `Literal`, also those handed
    on to a base class.

    Raises:
        UserError: an option is none of its words.
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
    """Return what a class, with its bases, or a function takes by name; nothing of one whose
    annotations cannot be read.
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
