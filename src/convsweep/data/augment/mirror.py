"""Mirroring as augmentation, in any number of dimensions."""

from collections.abc import Sequence

import torch
from torch import Tensor

from convsweep.errors import UserError


class RandomMirror:
    """Mirrors a sample and its mask along each axis independently.

    Args:
        p: probability for each axis.
        axes: spatial axes, 0 the first; None: all.

    Raises:
        UserError: a probability outside 0 to 1.
    """

    any_dim = True

    def __init__(self, p: float = 0.5, axes: Sequence[int] | None = None) -> None:
        if not 0 <= p <= 1:
            raise UserError(f"p of a mirror must be a probability from 0 to 1, but is {p}")
        self.p, self.axes = p, axes

    def __call__(self, x: Tensor, *mask: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the sample (C, *spatial), and its mask (*spatial) if it has one."""
        dim = x.dim() - 1
        axes = range(dim) if self.axes is None else self.axes
        if any(not 0 <= axis < dim for axis in axes):
            raise UserError(
                f"axes of a mirror must lie from 0 to {dim - 1} for samples with {dim}, but are"
                f" {list(axes)}"
            )
        drawn = [axis - dim for axis in axes if torch.rand(()) < self.p]
        mirrored = tuple(flip(each, drawn) for each in (x, *mask))
        return mirrored if mask else mirrored[0]


def flip(x: Tensor, axes: Sequence[int]) -> Tensor:
    """Return a tensor mirrored along axes that are counted from the last; torchvision's `Mask` type
    is kept.
    """
    if not axes:
        return x
    turned = x.as_subclass(Tensor).flip(tuple(axes))
    if type(x) is Tensor:
        return turned
    from torchvision import tv_tensors

    wrapped: Tensor = tv_tensors.wrap(turned, like=x)
    return wrapped
