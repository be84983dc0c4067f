"""Output sizes of sliding windows (kernels of convolutions and pools)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias

from convsweep.errors import InfeasibleError

Padding: TypeAlias = Literal["same", "valid", "full"] | int


def margins(padding: Padding, kernel_size: int, dilation: int = 1) -> tuple[int, int]:
    """Return how many positions are added before and after an axis.

    `valid` adds none, `full` as many as windows that touch the input need, `same` as many as keep
    the size at stride 1 (for an even kernel one more after than before); a number is added on both
    sides.
    """
    reach = dilation * (kernel_size - 1)
    match padding:
        case "valid":
            return 0, 0
        case "full":
            return reach, reach
        case "same":
            return reach // 2, reach - reach // 2
        case int():
            return padding, padding


def window_positions(
    size: int, kernel_size: int, stride: int, margin: tuple[int, int], dilation: int = 1
) -> int:
    """Return at how many positions a window fits into `size` positions plus `margin` (0 or less: it
    does not fit).
    """
    return (size + sum(margin) - dilation * (kernel_size - 1) - 1) // stride + 1


def output_size(
    spatial: Sequence[int],
    kernel_size: int,
    stride: int = 1,
    padding: Padding = "same",
    dilation: int = 1,
    what: str = "the window",
) -> tuple[int, ...]:
    """Return the spatial shape after a convolution or pool.

    Raises:
        InfeasibleError: the window does not fit even once.
    """
    margin = margins(padding, kernel_size, dilation)
    left = tuple(window_positions(size, kernel_size, stride, margin, dilation) for size in spatial)
    if min(left) < 1:
        reach = dilation * (kernel_size - 1) + 1
        raise InfeasibleError(
            f"{what} spans {reach} positions with padding {padding}, but gets {shape_text(spatial)}"
        )
    return left


def shape_text(shape: Sequence[int]) -> str:
    """Return a shape as text, such as 3x32x32."""
    return "x".join(str(size) for size in shape)


@contextmanager
def name_part(part: str, remedy: str) -> Iterator[None]:
    """Add the name of a part and a remedy to the message of an `InfeasibleError` raised inside."""
    try:
        yield
    except InfeasibleError as error:
        raise InfeasibleError(f"{part} cannot be built: {error}; {remedy}") from None


def check_in_shape(in_shape: tuple[int, ...]) -> None:
    """Raise `InfeasibleError` unless a shape has channels and 1 to 3 spatial axes."""
    if not 2 <= len(in_shape) <= 4:
        raise InfeasibleError(
            "a network's input must have channels and 1 to 3 spatial axes, but in_shape is"
            f" {shape_text(in_shape)}; give signals as (C, positions), images as (C, height,"
            " width), volumes as (C, depth, height, width)"
        )
