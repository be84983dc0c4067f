"""Options of a method, held to the kinds of values that its annotations allow: numbers, words and
lists of them.
"""

from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from convsweep.errors import UserError
from convsweep.literal_options import annotations

KINDS = {int: "a whole number", float: "a number", str: "a word", NoneType: "null"}


def check_kinds(part: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check the options of a part of the config that are annotated by numbers, strings, null, and
    lists of these.

    Raises:
        UserError: an option is of another kind.
    """
    hints = annotations(target)
    for name, value in options.items():
        if name in hints and not suits(value, hints[name]):
            takes_list = any(get_origin(kind) is Sequence for kind in alternatives(hints[name]))
            remedy = (
                f"; say '{part}.{name}=[{value}]'"
                if takes_list and isinstance(value, str | int | float)
                else ""
            )
            raise UserError(
                f"{part}.{name} must be {in_words(hints[name])}, but is {value!r}{remedy}"
            )


def alternatives(hint: Any) -> tuple[Any, ...]:
    """Return the kinds that an annotation names, one or several."""
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


def suits(value: Any, hint: Any) -> bool:
    """Return whether a value is of an annotation; what is annotated otherwise suits."""
    return any(suits_one(value, kind) for kind in alternatives(hint))


def suits_one(value: Any, kind: Any) -> bool:
    """Return whether a value is of one kind."""
    if get_origin(kind) is Sequence:
        (of,) = get_args(kind)
        return (
            isinstance(value, Sequence)
            and not isinstance(value, str)
            and all(suits(each, of) for each in value)
        )
    if kind not in KINDS:
        return True
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float if kind is float else kind)


def in_words(hint: Any) -> str:
    """Return an annotation in words."""
    return " or ".join(
        (
            f"a list, each {in_words(get_args(kind)[0])}"
            if get_origin(kind) is Sequence
            else KINDS.get(kind, str(kind))
        )
        for kind in alternatives(hint)
    )
