"""A linear test of whether mirror images of the samples look like samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# An axis counts as mirrored if the upper 95 % bound of telling samples from their mirror images is
# below this; 0.5 is chance.
TELLS = 0.6
FEWEST = 100


@dataclass(frozen=True)
class Mirrored:
    """How well samples can be distinguished from their mirror images along one axis.

    Args:
        accuracy: share of held-out samples that are; 0.5 is chance.
        count: of held-out samples.
    """

    accuracy: float
    count: int

    @property
    def text(self) -> str:
        """The result in words."""
        if self.count < FEWEST // 2:
            return f"too few samples to tell whether they may be mirrored ({self.count})"
        return f"a linear test tells {self.accuracy:.0%} of {self.count} from their mirror images"

    @property
    def is_other(self) -> bool:
        """Whether mirror images are unlike samples: distinguished more often than by chance."""
        bound = self.accuracy - 1.96 * 0.5 / max(1, self.count) ** 0.5
        return self.count >= FEWEST // 2 and bound > TELLS

    @property
    def is_alike(self) -> bool:
        """Whether mirror images are like samples: distinguished no better than by chance."""
        bound = self.accuracy + 1.96 * 0.5 / max(1, self.count) ** 0.5
        return self.count >= FEWEST // 2 and bound < TELLS


def tell_mirrored(
    images: NDArray[np.float32], axis: int, labels: NDArray[np.int64] | None
) -> Mirrored:
    """Return how well a linear direction distinguishes samples from their mirror images.

    The part of a sample that a mirror changes the sign of has mean zero if mirror images are as
    frequent as samples. Its mean over every other sample (of each class, as a mirrored b is a d) is
    the direction, and the others are told by the sign along it.

    Args:
        images: (N, H, W) thumbnails.
        axis: 1 or 2, the axis to mirror.
        labels: (N,) classes, or None.
    """
    odd = (images - np.flip(images, axis)).reshape(len(images), -1)
    groups = np.zeros(len(images), np.int64) if labels is None else labels
    right = count = 0
    for label in np.unique(groups):
        members = odd[groups == label]
        fitted, held = members[::2], members[1::2]
        if len(held) == 0:
            continue
        direction = fitted.mean(axis=0) / (fitted.std(axis=0) + 1e-6)
        right += int((held @ direction > 0).sum())
        count += len(held)
    return Mirrored(right / count if count else 1.0, count)
