"""Order of samples and batches: a pure function of seed, epoch, rank and position in the epoch."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from convsweep.data.loading.sampling import ClassBalance
from convsweep.data.samples import Indices
from convsweep.errors import UserError

LastBatch = Literal["drop", "keep"]


@dataclass(frozen=True)
class Share:
    """The part of every epoch that one process of a distributed run takes."""

    rank: int = 0
    world_size: int = 1


@dataclass(frozen=True)
class Batch:
    """The samples of one batch, the seed of every random draw made for them, and the spatial shape
    that they shall have; None: as they are.
    """

    indices: Indices
    seed: tuple[int, ...]
    size: tuple[int, ...] | None = None


class TrainOrder:
    """Shuffled batches of one size. Every process draws the same permutation and takes its share of
    each step.

    Args:
        count: number of samples.
        batch_size: samples of one batch of one process.
        seed: with the epoch it determines the permutation.
        last_batch: "drop" the samples left over at the end of an epoch, or "keep" them as a smaller
            step (or in the step before if they are fewer than the processes). A data set smaller
            than one step is always kept.
        shuffle: draw a new order every epoch; otherwise every epoch is the same.
        share: of this process.
        balance: which samples an epoch holds if shuffled; None: each once.
        size: returns the spatial shape of samples in an epoch; None leaves them as they are.
        min_steps: an epoch passes over all samples again until it has so many batches; a step then
            takes no sample twice.
    """

    def __init__(
        self,
        count: int,
        batch_size: int,
        seed: int,
        last_batch: LastBatch = "drop",
        shuffle: bool = True,
        share: Share | None = None,
        balance: ClassBalance | None = None,
        size: Callable[[int], tuple[int, ...]] | None = None,
        min_steps: int = 1,
    ) -> None:
        self.balance, self.size = balance, size
        self.count, self.batch_size, self.seed, self.shuffle = count, batch_size, seed, shuffle
        self.share = share or Share()
        self.epoch = 0
        if count < self.share.world_size:
            raise UserError(
                f"Every process needs a sample to train on, but {self.share.world_size} processes"
                f" share {count} samples."
            )
        step = batch_size * self.share.world_size
        whole, rest = divmod(count, step)
        keeps_rest = last_batch == "keep" or whole == 0
        self.pass_batches = whole + int(keeps_rest and rest >= self.share.world_size)
        self.end = count if keeps_rest else whole * step
        self.passes = math.ceil(min_steps / self.pass_batches) if shuffle else 1
        self.num_batches = self.passes * self.pass_batches

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.num_batches

    def order(self) -> Indices:
        """Return this epoch's samples, shuffled: (passes, count)."""
        rng = np.random.default_rng((self.seed, self.epoch))
        balance, count = self.balance, self.count
        draw = (lambda: rng.permutation(count)) if balance is None else (lambda: balance.epoch(rng))
        return np.stack([draw() for _ in range(self.passes)])

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield this epoch's batches of this process from number `start` on."""
        order = self.order() if self.shuffle else np.arange(self.count)[None]
        size = None if self.size is None else self.size(self.epoch)
        step = self.batch_size * self.share.world_size
        for number in range(start, self.num_batches):
            turn, place = divmod(number, self.pass_batches)
            is_last = place == self.pass_batches - 1
            together = order[turn, place * step : self.end if is_last else (place + 1) * step]
            each, larger = divmod(len(together), self.share.world_size)
            first = self.share.rank * each + min(self.share.rank, larger)
            mine = together[first : first + each + int(self.share.rank < larger)]
            yield Batch(mine, (self.seed, self.epoch, number, self.share.rank), size)


class EvalOrder:
    """All samples exactly once, in order, over all processes, with equally many batches in each.

    All processes must make the same number of steps, so if the samples do not divide evenly some
    batches are smaller by one sample, or (with few samples) one is larger by one.

    Args:
        count: number of samples.
        batch_size: samples of one batch of one process.
        share: of this process.
        one_by_one: one sample a batch, for samples of different sizes; a process with one sample
            less ends with an empty batch.
    """

    def __init__(
        self, count: int, batch_size: int, share: Share | None = None, one_by_one: bool = False
    ) -> None:
        self.share = share or Share()
        if count < self.share.world_size:
            raise UserError(
                f"Every process needs a sample to evaluate, but {self.share.world_size} processes"
                f" share {count} samples."
            )
        self.mine = np.array_split(np.arange(count), self.share.world_size)[self.share.rank]
        self.batch_size = 1 if one_by_one else batch_size
        most, least = math.ceil(count / self.share.world_size), count // self.share.world_size
        self.num_batches = most if one_by_one else math.ceil(least / batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Do nothing: every epoch is the same."""

    def __len__(self) -> int:
        return self.num_batches

    @property
    def epoch(self) -> int:
        return 0

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of this process from number `start` on."""
        if self.share.world_size == 1:
            parts = np.split(self.mine, range(self.batch_size, len(self.mine), self.batch_size))
        else:
            parts = np.array_split(self.mine, self.num_batches)
        for number, part in enumerate(parts[start:], start):
            yield Batch(part, (0, 0, number, self.share.rank))
