"""Widths that give a network a wanted number of parameters."""

from collections.abc import Callable
from math import sqrt
from typing import Protocol, Self, TypeVar

import torch
from torch import nn

from convsweep.errors import InfeasibleError

# Share of the wanted parameters that is enough, and the most networks that are tried for it.
ENOUGH = 0.98
MOST_TRIES = 10

# Factor that changes every width.
FAR = 1e6


class Scalable(Protocol):
    """Options of a network with widths."""

    @property
    def num_params(self) -> int | None: ...

    def scale(self, factor: float) -> Self:
        """Return the options with all widths multiplied by a factor, each at least as small as
        possible.
        """
        ...


P = TypeVar("P", bound=Scalable)


def with_num_params(plan: P, net: nn.Module, build: Callable[[P], None]) -> P:
    """Return options with all widths multiplied by a factor with which the network has at most
    `plan.num_params` parameters, and hardly fewer; unchanged if that is None.

    Args:
        plan: options of the network.
        net: the network, whose parts `build` replaces.
        build: builds the network's parts from options; called some six times, on the meta device.

    Raises:
        InfeasibleError: the narrowest network has more parameters.
    """
    most = plan.num_params
    if most is None:
        return plan

    def count(factor: float) -> int:
        with torch.device("meta"):
            build(plan.scale(factor))
        return sum(parameter.numel() for parameter in net.parameters())

    least = count(0.0)
    if least > most:
        raise InfeasibleError(
            f"net.num_params={most:,} cannot be kept: with the smallest widths the net has"
            f" {least:,} parameters; use fewer stages, blocks or fully connected features"
        )
    if plan.scale(0.0) == plan.scale(FAR):
        return plan  # it has no widths
    return plan.scale(largest_factor(count, most, least))


def largest_factor(count: Callable[[float], int], most: int, least: int) -> float:
    """Return a factor with which there are at most `most` parameters, and at least `ENOUGH` of them
    if one is found.

    Args:
        count: parameters by factor; grows without a limit.
        most: wanted parameters.
        least: parameters with the factor 0, at most `most`.
    """
    low, high, fewer = 0.0, 1.0, least
    while (more := count(high)) <= most:
        low, high, fewer = high, high * max(1.25, 1.1 * sqrt(most / more)), more
    for attempt in range(MOST_TRIES):
        if fewer >= ENOUGH * most:
            break
        # parameters grow like the square of the widths: interpolate their roots, and halve the
        # interval in between in case they do not
        share = (sqrt(ENOUGH * most) - sqrt(fewer)) / (sqrt(more) - sqrt(fewer))
        middle = low + (high - low) * (0.5 if attempt % 3 == 2 else share)
        found = count(middle)
        if found <= most:
            low, fewer = middle, found
        else:
            high, more = middle, found
    return low
