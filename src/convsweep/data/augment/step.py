"""The interface of transforms of whole batches, and a base class for any number of axes."""

from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

Size = tuple[int, ...]
Fill = float | None


@runtime_checkable
class BatchStep(Protocol):
    """One transform of a batch."""

    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """Return the random parameters for `count` samples of a spatial shape, one row a sample, on
        the CPU.
        """

    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """Return a batch (B, C, *spatial) transformed by its random parameters.

        Args:
            fill: value of positions outside of the image.
            nearest: the batch consists of masks, whose values must not be interpolated.
        """


class AnyDim(ABC):
    """A `BatchStep` for samples of any number of axes, which is called for single samples too."""

    any_dim = True

    @abstractmethod
    def draw(self, count: int, size: Size, generator: Generator) -> Tensor:
        """See `BatchStep.draw`."""

    @abstractmethod
    def apply(self, x: Tensor, drawn: Tensor, fill: Fill, nearest: bool) -> Tensor:
        """See `BatchStep.apply`."""

    def __call__(self, x: Tensor, *mask: Tensor) -> Tensor | tuple[Tensor, ...]:
        """Return the sample (C, *spatial), and its mask (*spatial) if it has one."""
        drawn = self.draw(1, tuple(x.shape[1:]), torch.default_generator)
        changed = like(self.apply(plain(x)[None], drawn, None, nearest=False)[0], x)
        if not mask:
            return changed
        masks = self.apply(plain(mask[0])[None, None], drawn, None, nearest=True)
        return changed, like(masks[0, 0], mask[0])


def plain(x: Tensor) -> Tensor:
    """Return a tensor without its torchvision subclass."""
    return x.as_subclass(Tensor)


def like(x: Tensor, original: Tensor) -> Tensor:
    """Return a tensor of the same torchvision subclass as the original, if it has one."""
    if type(original) is Tensor:
        return x
    from torchvision import tv_tensors

    wrapped: Tensor = tv_tensors.wrap(x, like=original)
    return wrapped


def beside(drawn: Tensor, x: Tensor) -> Tensor:
    """Return random parameters on the device of a batch, without waiting for it."""
    return drawn.to(x.device, non_blocking=True)
