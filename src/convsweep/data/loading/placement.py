"""Placement of samples during training: on the device if they fit there, else in memory or on
disk.
"""

import os
from typing import Literal

import torch
from torch import Tensor

from convsweep.data.augment.transforms import Augmentation
from convsweep.data.files.decoding import MOST_READERS
from convsweep.data.loading.batches import XY, Gather
from convsweep.data.loading.order import Batch
from convsweep.data.samples import Array, in_memory, is_on_disk
from convsweep.data.statistics import chunks
from convsweep.errors import UserError
from hydra_study import usable_cores

Hold = Literal["auto", "device", "memory", "disk"]
# Share of a device's free memory that `auto` uses for samples; the network needs the rest.
SHARE_OF_DEVICE = 0.3


class OnDevice(Gather):
    """Reads and augments batches of samples that are stored on a device.

    Args:
        gather: reads the samples from their present place.
        device: to copy them to.
    """

    def __init__(self, gather: Gather, device: torch.device) -> None:
        vars(self).update(vars(gather))
        self.device = device
        self.positions = None if gather.positions is None else gather.positions.to(device)
        self.held_x, self.held_y = self.to_device(gather.x), self.to_device(gather.y)

    def to_device(self, array: Array) -> Tensor:
        """Return all samples of an array on the device."""
        place, start = torch.empty(0), 0
        for chunk in chunks(array):
            part = torch.tensor(chunk)
            if start == 0:
                place = torch.empty(
                    (len(array), *part.shape[1:]), dtype=part.dtype, device=self.device
                )
            place[start : start + len(chunk)] = part.to(self.device)
            start += len(chunk)
        return place

    def __getitem__(self, batch: Batch) -> XY:
        rows = torch.from_numpy(batch.indices).to(self.device, non_blocking=True)
        return self.finish(self.held_x[rows], self.held_y[rows], batch)


def place_samples(gather: Gather, hold: Hold, device: torch.device) -> Gather:
    """Return a reader of the samples at the place that `hold` specifies.

    Args:
        hold: `auto`, `device`, `memory`, or `disk`, which leaves the samples where they are.
        device: that the network trains on.

    Raises:
        UserError: the samples cannot be held there.
    """
    if hold == "device" and not can_lie_on(device, gather):
        raise UserError(
            "data.hold=device needs a GPU, and samples of one size that are augmented by batch or"
            f" not at all, but the device is {device.type} and the samples are"
            f" {describe_placement(gather)}; use data.hold=auto"
        )
    if hold == "device" and device.type == "cuda" and nbytes(gather) > free_bytes(device):
        raise UserError(
            "data.hold=device needs room for all samples on the GPU, but they take"
            f" {nbytes(gather) / 2**30:.2f} GiB and {free_bytes(device) / 2**30:.2f} GiB are free;"
            " use data.hold=auto"
        )
    fits = (
        hold == "auto"
        and can_lie_on(device, gather)
        and nbytes(gather) <= SHARE_OF_DEVICE * free_bytes(device)
    )
    if hold == "device" or fits:
        return OnDevice(gather, device)
    if hold == "memory" and is_on_disk(gather.x):
        gather.x, gather.y = in_memory(gather.x), in_memory(gather.y)
    return gather


def can_lie_on(device: torch.device, gather: Gather) -> bool:
    """Return whether the device is a GPU and batches can be made on it."""
    by_batch = gather.augment is None or is_augmented_by_batch(gather)
    return device.type != "cpu" and by_batch and type(gather) is Gather


def is_augmented_by_batch(gather: Gather) -> bool:
    """Return whether whole batches are augmented at once."""
    return isinstance(gather.augment, Augmentation) and gather.augment.batched is not None


def nbytes(gather: Gather) -> int:
    """Return the size of all samples."""
    return int(gather.x.nbytes + gather.y.nbytes)


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a device in bytes, 0 if it is not known."""
    return int(torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else 0


def workers_for(gather: Gather, device: torch.device) -> int:
    """Return the number of prefetching processes: 0 if batches are made fast enough, or if there
    are no cores to spare.
    """
    by_sample = gather.augment is not None and not is_augmented_by_batch(gather)
    if (
        isinstance(gather, OnDevice)
        or device.type == "cpu"
        or not (by_sample or is_on_disk(gather.x))
    ):
        return 0
    return min(MOST_READERS, own_cores() - 1)


def own_cores() -> int:
    """Return the cores that this process may use: OMP_NUM_THREADS (in a trial
    `hydra.sweeper.threads`), else all.
    """
    stated = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return (
        min(usable_cores(), int(stated)) if stated.isdigit() and int(stated) > 0 else usable_cores()
    )


def describe_placement(gather: Gather) -> str:
    """Return a description of the samples' place and augmentation."""
    held_in = "read from disk" if is_on_disk(gather.x) else "held in memory"
    place = f"held on {gather.device}" if isinstance(gather, OnDevice) else held_in
    if gather.augment is None:
        return place
    return f"{place}, augmented by {'batch' if is_augmented_by_batch(gather) else 'sample'}"
