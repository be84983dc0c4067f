"""Mirroring as augmentation, in any number of dimensions."""

from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from convsweep.data.augment.step import AnyDim, Fill, Size, beside
from convsweep.errors import UserError


class RandomMirror(AnyDim):
    """Mirrors a sample and its mask along each axis independently.

    Args:
        p: probability for each axis.
        axes: spatial axes, 0 the first; None: all.

    Raises:
        UserError: a probability outside 0 to 1.
    """

    def __init__(self, p: float = 0.5, axes: Sequence[int] | None = None) -> None:
        if not 0 <= p <= 1:
            raise UserError(f"p of a mirror must be a probability from 0 to 1, but is {p}")
        self.p, self.axes = p, axes

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """Return for each sample which of its axes are mirrored, (count, axes)."""
        dim = len(size)
        axes = range(dim) if self.axes is None else self.axes
        if any(not 0 <= axis < dim for axis in axes):
            raise UserError(
                f"axes of a mirror must lie from 0 to {dim - 1} for samples with {dim}, but are"
                f" {list(axes)}"
            )
        wanted = torch.tensor([axis in axes for axis in range(dim)])
        return (torch.rand(count, dim, generator=generator) < self.p) & wanted

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """Return the batch (B, C, *spatial) mirrored."""
        axes = [axis for axis in range(x.dim() - 2) if drawn[:, axis].any()]
        if len(x) == 1:
            return x.flip([2 + axis for axis in axes])
        there = beside(drawn, x)
        for axis in axes:
            turned = there[:, axis].view(-1, *[1] * (x.dim() - 1))
            x = torch.where(turned, x.flip(2 + axis), x)
        return x
