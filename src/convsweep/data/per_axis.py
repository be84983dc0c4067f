"""Options that are one number for all spatial axes, or one number for each."""

from typing import Any

from convsweep.errors import UserError

WORDS = {int: "whole numbers", float: "numbers"}


def per_axis(name: str, value: Any, dim: int, kind: type[int] | type[float]) -> tuple[Any, ...] | None:
    """Return `dim` positive numbers from one for all axes, or one for each; None for None.

    Args:
        name: of the option of the data.

    Raises:
        UserError: they are not.
    """
    if value is None:
        return None
    numbers = [value] * dim if isinstance(value, int | float) else list(value)
    allowed = (int,) if kind is int else (int, float)
    if len(numbers) != dim or any(not isinstance(number, allowed) or number <= 0 for number in numbers):
        raise UserError(f"data.{name} must be null, or one or {dim} positive {WORDS[kind]}, but is {value}.")
    return tuple(kind(number) for number in numbers)
