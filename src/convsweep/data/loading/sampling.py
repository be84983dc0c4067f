"""Class-balanced sampling: how often the samples of each class come in an epoch."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Indices

Sampling = Literal["uniform", "square_root", "balanced"]

# The share of a class in an epoch is its number of samples to this power, divided by the sum.
POWERS: dict[Sampling, float] = {"uniform": 1.0, "square_root": 0.5, "balanced": 0.0}


class ClassBalance:
    """Draws as many samples as there are, but with other shares of the classes than they have (Kang
    et al. 2020, eq. 1).

    The samples of a class that comes more often than it has samples are repeated in turn, each
    time in another order; of one that comes less often, each epoch shows others.

    Args:
        labels: (N,) class of each sample.
        sampling: equal shares of the classes, or shares by the square root of their numbers.
    """

    def __init__(self, labels: NDArray[np.integer], sampling: Sampling) -> None:
        counts = np.bincount(labels)
        order = np.argsort(labels, kind="stable")
        ends = counts.cumsum()
        self.members = [part for part in np.split(order, ends[:-1]) if len(part)]
        sizes = counts[counts > 0] ** POWERS[sampling]
        self.ends = len(labels) * (sizes / sizes.sum()).cumsum()

    def epoch(self, rng: np.random.Generator) -> Indices:
        """Return the samples of an epoch, in order."""
        # A class gets its share rounded up or down, by a draw that makes it right on average.
        ends = np.floor(self.ends[:-1] + rng.random()).astype(np.int64)
        numbers = np.diff(ends, prepend=0, append=round(self.ends[-1]))
        chosen = [
            in_turn(members, number, rng)
            for members, number in zip(self.members, numbers.tolist(), strict=True)
        ]
        return rng.permutation(np.concatenate(chosen))


def in_turn(members: Indices, number: int, rng: np.random.Generator) -> Indices:
    """Return so many of some samples, none of them more than once oftener than another."""
    rounds = -(-number // len(members))
    repeated: Indices = rng.permuted(np.tile(members, (rounds, 1)), axis=1).reshape(-1)[:number]
    return repeated
