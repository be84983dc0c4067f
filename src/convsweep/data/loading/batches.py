"""Loading of batches by index: all samples of a batch in one read, in this process or in
workers.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from convsweep.data.augment.resizing import Resize
from convsweep.data.loading.array_types import PickledByPath
from convsweep.data.loading.order import Batch, EvalOrder, TrainOrder
from convsweep.data.permutation import permute_positions
from convsweep.data.samples import Array, Indices, Samples

XY = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor, tuple[int, ...]], XY]


def copy_samples(array: Array, indices: Indices) -> Tensor:
    """Return a copy of the samples at `indices`."""
    return torch.from_numpy(
        np.ascontiguousarray(
            array.take(indices, axis=0) if type(array) is np.ndarray else array[indices]
        )
    )


class Gather(PickledByPath, Dataset[XY]):
    """Reads a batch of samples, augments it, and permutes its positions.

    Args:
        samples: what to read from.
        augment: maps (x, y, seed) of a batch to (x, y) with every sample augmented separately.
        positions: (prod(spatial),) one fixed permutation of the positions of every sample; None
            leaves them in place.
        is_dense: targets of several axes are of the positions, and move with them.

    Shape:
        item: x (B, C, *spatial) in the stored dtype, y int64 (B,) or (B, *spatial), or float32 (B,
            K) or (B, C, *spatial); as `Mixing` makes them where `mix` is set
    """

    def __init__(
        self,
        samples: Samples,
        augment: Augment | None = None,
        positions: Indices | None = None,
        is_dense: bool = True,
    ) -> None:
        self.x, self.y = samples.x, samples.y
        self.augment, self.is_dense = augment, is_dense
        self.positions = None if positions is None else torch.from_numpy(positions)
        # of a training; what reads samples for other ends leaves them out
        self.resize: Resize | None = None
        self.mix: Augment | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, batch: Batch) -> XY:
        x, y = copy_samples(self.x, batch.indices), copy_samples(self.y, batch.indices)
        return self.finish(x, y, batch)

    def finish(self, x: Tensor, y: Tensor, batch: Batch) -> XY:
        """Return a batch as the network gets it: augmented, then resized or permuted, then
        mixed.
        """
        if self.augment is not None:
            x, y = self.augment(x, y, batch.seed)
        if self.resize is not None and batch.size is not None:
            x, y = self.resize(x, y, batch.size)
        if self.positions is not None:
            dim = x.dim() - 2
            x, y = (
                permute_positions(x, self.positions, dim),
                permute_positions(y, self.positions, dim) if self.is_dense and y.dim() > 1 else y,
            )
        y = y if y.is_floating_point() else y.long()
        return (x, y) if self.mix is None else self.mix(x, y, batch.seed)


class Remaining(Sampler[Batch]):
    """Sampler for torch's DataLoader: the remaining batches of the current epoch."""

    def __init__(self, order: TrainOrder | EvalOrder) -> None:
        self.order = order
        self.start = 0

    def __iter__(self) -> Iterator[Batch]:
        return self.order.batches(self.start)

    def __len__(self) -> int:
        return len(self.order) - self.start


class BatchLoader:
    """An iterable of batches that Lightning can shard, shuffle by epoch, save in mid-epoch and
    restore.

    Lightning calls `sampler.set_epoch`, and saves and restores the `state_dict` of every loader
    that has one. Reading starts with the first `next`, because Lightning creates the first iterator
    before it sets the epoch.

    Args:
        gather: reads one batch.
        order: which samples form which batch.
        num_workers: processes that prefetch batches; 0 reads in this process.
        pin_memory: copy batches to page-locked memory for asynchronous transfers to a GPU.
    """

    batch_sampler: None = None

    def __init__(
        self,
        gather: Gather,
        order: TrainOrder | EvalOrder,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        self.dataset = gather
        self.sampler = order
        self.batch_size = order.batch_size
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.position = 0
        self.resume: dict[str, int] | None = None
        self.workers: DataLoader[XY] | None = None

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[XY]:
        self.position = self.start()
        for batch in self.read(self.position):
            self.position += 1
            yield batch

    def start(self) -> int:
        """Return the index of the first batch: 0, or the position of a restored epoch."""
        resume, self.resume = self.resume, None
        return (
            resume["batch"] if resume is not None and resume["epoch"] == self.sampler.epoch else 0
        )

    def read(self, start: int) -> Iterator[XY]:
        if self.num_workers > 0:
            yield from self.read_in_workers(start)
            return
        for batch in self.sampler.batches(start):
            x, y = self.dataset[batch]
            yield (x.pin_memory(), y.pin_memory()) if self.pin_memory else (x, y)

    def read_in_workers(self, start: int) -> Iterator[XY]:
        if self.workers is None:
            self.workers = DataLoader(
                self.dataset,
                batch_size=None,
                sampler=Remaining(self.sampler),
                num_workers=self.num_workers,
                pin_memory=self.pin_memory,
                persistent_workers=True,
            )
        assert isinstance(self.workers.sampler, Remaining)
        self.workers.sampler.start = start
        yield from self.workers

    def state_dict(self) -> dict[str, int]:
        return self.resume or {"epoch": self.sampler.epoch, "batch": self.position}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.resume = dict(state)
