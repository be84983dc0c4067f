"""Names the part of a network that cannot be built, and what would fit."""

from collections.abc import Iterator
from contextlib import contextmanager

from convsweep.errors import InfeasibleError
from convsweep.nets.geometry import shape_text


@contextmanager
def named(part: str, remedy: str) -> Iterator[None]:
    """Put the name of a part before, and a remedy behind, what makes it infeasible."""
    try:
        yield
    except InfeasibleError as error:
        raise InfeasibleError(f"{part} cannot be built: {error}; {remedy}") from None


def check_in_shape(in_shape: tuple[int, ...]) -> None:
    """Raise `InfeasibleError` unless a shape has channels and 1 to 3 spatial axes."""
    if not 2 <= len(in_shape) <= 4:
        raise InfeasibleError(
            f"a network's input must have channels and 1 to 3 spatial axes, but in_shape is {shape_text(in_shape)}; "
            "give signals as (C, positions), images as (C, height, width), volumes as (C, depth, height, width)"
        )
