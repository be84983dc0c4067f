"""Batches by index: the samples of a batch are gathered in one read, in this process or in workers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from convsweep.data.order import Batch, EvalOrder, TrainOrder
from convsweep.data.samples import Array, Indices, Rows, Samples

XY = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor, tuple[int, ...]], XY]


def on_disk(array: np.memmap[Any, Any]) -> tuple[Any, ...]:
    """Return what opens this memory-mapped array again, so that a worker gets a path instead of the contents."""
    return array.filename, array.dtype, array.offset, array.shape


def fixed_permutation(spatial_shape: Sequence[int]) -> Indices:
    """Return the order that `data.permute` gives to the positions of every sample, (prod(spatial),)."""
    return np.random.default_rng(0).permutation(int(np.prod(spatial_shape)))


class Gather(Dataset[XY]):
    """Reads a batch of samples, and augments it.

    Args:
        samples: what to read from.
        augment: maps (x, y, seed) of a batch to the same with every sample changed by draws of its own.
        positions: (prod(spatial),) one fixed permutation of the positions of every sample; None leaves them in place.

    Shape:
        item: x (B, C, *spatial) in the stored dtype, y int64 (B,) or (B, *spatial), or float32 (B, C, *spatial)
    """

    def __init__(self, samples: Samples, augment: Augment | None = None, positions: Indices | None = None) -> None:
        self.x, self.y = samples.x, samples.y
        self.augment = augment
        self.positions = positions

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, batch: Batch) -> XY:
        x, y = self.read(self.x, batch.indices), self.read(self.y, batch.indices)
        images, labels = torch.from_numpy(x), torch.from_numpy(y)
        if self.augment is not None:
            images, labels = self.augment(images, labels, batch.seed)
        return images, labels if labels.is_floating_point() else labels.long()

    def read(self, array: Array, indices: Indices) -> Any:
        taken = array.take(indices, axis=0) if type(array) is np.ndarray else array[indices]
        if self.positions is None or taken.ndim == 1:
            return np.ascontiguousarray(taken)
        spatial = self.x.ndim - 2
        lead = taken.shape[: taken.ndim - spatial]
        return np.ascontiguousarray(taken.reshape(*lead, -1)[..., self.positions]).reshape(taken.shape)

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for name in ("x", "y"):
            array = state[name]
            if isinstance(array, Rows):
                state[name] = ("rows", on_disk(array.source), array.rows)
            elif isinstance(array, np.memmap):
                state[name] = ("whole", on_disk(array), None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name in ("x", "y"):
            if isinstance(state[name], tuple):
                kind, (filename, dtype, offset, shape), rows = state[name]
                array = np.memmap(filename, dtype, "r", offset, shape)
                state[name] = Rows(array, rows) if kind == "rows" else array
        self.__dict__.update(state)


class Remaining(Sampler[Batch]):
    """What torch's DataLoader asks for the next batches: those of the current epoch that are still to come."""

    def __init__(self, order: TrainOrder | EvalOrder) -> None:
        self.order = order
        self.start = 0

    def __iter__(self) -> Iterator[Batch]:
        return self.order.batches(self.start)

    def __len__(self) -> int:
        return len(self.order) - self.start


class BatchLoader:
    """An iterable of batches that Lightning can shard, shuffle by epoch, save in mid-epoch and continue.

    Lightning finds `sampler.set_epoch`, and saves and restores `state_dict` of every loader that has one. Iteration begins with
    the first `next`, because Lightning makes the iterator of the first epoch before it has told which epoch that is.

    Args:
        gather: reads one batch.
        order: which samples form which batch.
        num_workers: processes that gather ahead; 0 gathers in this one.
        pin_memory: whether batches are copied to page-locked memory, from where a GPU fetches them without waiting.
    """

    batch_sampler: None = None

    def __init__(self, gather: Gather, order: TrainOrder | EvalOrder, num_workers: int = 0, pin_memory: bool = False) -> None:
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
        """Return the number of the first batch: 0, or where a restored epoch was left."""
        resume, self.resume = self.resume, None
        return resume["batch"] if resume is not None and resume["epoch"] == self.sampler.epoch else 0

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
