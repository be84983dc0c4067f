"""Options that are words, held to the words that the constructor's annotations allow."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from convsweep.errors import UserError, did_you_mean


def check_words(part: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check the options of a part of the config whose annotation is a `Literal`, also those handed on by `Unpack`.

    Raises:
        UserError: an option is none of its words.
    """
    hints = annotations(target)
    for name, value in options.items():
        words = get_args(hints.get(name)) if get_origin(hints.get(name)) is Literal else None
        if words is not None and value not in words:
            raise UserError(
                f"{part}.{name} must be one of {', '.join(map(str, words))}, but is {value!r}; {did_you_mean(value, words)}"
            )


def annotations(target: Callable[..., Any]) -> dict[str, Any]:
    """Return what a class or function takes by name; nothing where its annotations cannot be read."""
    try:
        hints = get_type_hints(getattr(target, "__init__") if isinstance(target, type) else target)  # noqa: B009
        handed_on = get_args(hints.get("feeding"))
        return hints | (get_type_hints(handed_on[0]) if handed_on else {})
    except (NameError, TypeError):
        return {}
