"""Random erasing: a box of each sample is replaced by a constant, in any number of dimensions."""

from collections.abc import Sequence
from math import log, prod
from typing import Literal

import torch
from torch import Generator, Tensor

from convsweep.data.augment.step import AnyDim, Fill, Size, beside
from convsweep.errors import UserError

# Boxes drawn for a sample, of which the first that fits is taken, as by torchvision.
TRIES = 10


class RandomErasing(AnyDim):
    """Replaces the values in a box of a sample (Zhong et al. 2020). Masks stay as they are: the
    network must infer the hidden part from its surroundings.

    Args:
        p: probability for each sample.
        scale: smallest and largest share of the positions that a box takes.
        ratio: smallest and largest ratio of a box's side to its next side, in positions.
        value: a number, or the `mean` of each channel of the sample.

    Raises:
        UserError: a number outside its range.
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Literal["mean"] = "mean",
    ) -> None:
        if not 0 <= p <= 1:
            raise UserError(f"p of erasing must be a probability from 0 to 1, but is {p}")
        for name, pair, most in (("scale", scale, 1.0), ("ratio", ratio, float("inf"))):
            if len(pair) != 2 or not 0 < pair[0] <= pair[1] <= most:
                raise UserError(
                    f"{name} of erasing must be [smallest, largest] above 0"
                    f"{' and at most 1' if name == 'scale' else ''}, but is {list(pair)}"
                )
        if isinstance(value, str) and value != "mean":
            raise UserError(f"value of erasing must be mean or a number, but is {value!r}")
        self.p, self.value = p, value
        self.scale, self.ratio = (scale[0], scale[1]), (ratio[0], ratio[1])

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """Return the first position and the length of each box along each axis, length 0 where
        nothing is erased, (count, axes, 2).
        """
        dim = len(size)

        def uniform(low: float, high: float, *shape: int) -> Tensor:
            return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)

        # as torchvision does, a box that is too long for the sample is drawn again
        area = prod(size) * uniform(*self.scale, count, TRIES, 1)
        ratio = uniform(log(self.ratio[0]), log(self.ratio[1]), count, TRIES, dim - 1)
        longer = torch.zeros(count, TRIES, dim, dtype=torch.float64)
        longer[..., :-1] += ratio / 2
        longer[..., 1:] -= ratio / 2
        lengths = (area ** (1 / dim) * longer.exp()).round().long()
        fits = (lengths < torch.tensor(size)).all(2)
        first_fit = fits.long().argmax(1)
        length = lengths[torch.arange(count), first_fit]
        erased = fits.any(1) & (torch.rand(count, generator=generator) < self.p)
        length = torch.where(erased.unsqueeze(1), length, 0)
        room = torch.tensor(size) - length + 1
        first = (uniform(0, 1, count, dim) * room).long()
        return torch.stack([first, length], dim=2)

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """Return the batch (B, C, *spatial) with the boxes replaced."""
        if nearest:
            return x
        there, dim = beside(drawn, x), x.dim() - 2
        inside = torch.ones(len(x), *[1] * (dim + 1), dtype=torch.bool, device=x.device)
        for axis, size in enumerate(x.shape[2:]):
            first, length = there[:, axis, :, None].unbind(1)
            places = torch.arange(size, device=x.device)
            along = (places >= first) & (places < first + length)
            shape = [len(x), 1, *[1] * dim]
            shape[2 + axis] = size
            inside = inside & along.view(shape)
        return torch.where(inside, self.blank(x), x)

    def blank(self, x: Tensor) -> Tensor:
        """Return the values that replace the boxes."""
        if self.value != "mean":
            return torch.full((), self.value, dtype=x.dtype, device=x.device)
        mean = x.float().mean(tuple(range(2, x.dim())), keepdim=True)
        return mean.to(x.dtype) if x.is_floating_point() else mean.round().to(x.dtype)
