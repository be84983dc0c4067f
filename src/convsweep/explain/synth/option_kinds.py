"""Check of a method's options against the annotations of its constructor."""

from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

from convsweep.errors import UserError
from convsweep.literal_options import annotations

KINDS = {int: "a whole number", float: "a number", str: "a word", NoneType: "null"}


def check_kinds(part: str, target: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Check those options of a part of the config that are annotated as numbers, strings, None, or
    lists of these.

    Raises:
        UserError: an option has another type.
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
    """Return the alternatives of a union, or the annotation itself."""
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


def suits(value: Any, hint: Any) -> bool:
    """Return whether a value matches an annotation; True for other kinds of annotations."""
    return any(suits_one(value, kind) for kind in alternatives(hint))


def suits_one(value: Any, kind: Any) -> bool:
    """Return whether a value matches one alternative."""
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
    """Return an annotation as text."""
    return " or ".join(
        (
            f"a list, each {in_words(get_args(kind)[0])}"
            if get_origin(kind) is Sequence
            else KINDS.get(kind, str(kind))
        )
        for kind in alternatives(hint)
    )
