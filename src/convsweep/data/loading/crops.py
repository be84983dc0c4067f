"""Batches of samples that differ in size: random crops of one shape for training, whole samples
otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from convsweep.data.loading.batches import XY, Augment, Gather
from convsweep.data.loading.order import Batch
from convsweep.data.samples import DataInfo, Samples
from convsweep.errors import UserError
from convsweep.nets.sliding_window import cut

# Most positions of a class in a sample that are kept as centres of crops.
PLACES_KEPT = 1_000


@dataclass(frozen=True)
class Cropping:
    """How samples of any size are read: random crops for training, else whole.

    Args:
        option: that gives `per_sample`, for messages.
        per_sample: crops a sample and epoch.
        foreground: share of crops centred at a position of a class other than the background.

    Raises:
        UserError: a value outside its range.
    """

    option: str
    per_sample: int
    foreground: float

    def __post_init__(self) -> None:
        if self.per_sample < 1 or not 0 <= self.foreground <= 1:
            raise UserError(
                f"data.{self.option} must be at least 1 and data.foreground a share from 0 to 1, "
                f"but are {self.per_sample} and {self.foreground}."
            )

    def gather(
        self, samples: Samples, info: DataInfo, augment: Augment | None, training: bool
    ) -> Gather:
        """Return the reader of batches of a part.

        Args:
            samples: masks are their targets.
            info: of the data; its shape is that of a crop.
            augment: of crops.
            training: read crops instead of whole samples.
        """
        if not training:
            return Whole(samples)
        ignored = [] if info.ignore_index is None else [info.ignore_index]
        crop, background = info.spatial_shape, (0, *ignored)
        return Crops(samples, crop, self.per_sample, self.foreground, background, augment)


class Whole(Gather):
    """Reads one whole sample as a batch, or an empty batch if a process has none left."""

    def __getitem__(self, batch: Batch) -> XY:
        index = batch.indices[0] if len(batch.indices) else 0
        x, y = (torch.from_numpy(np.array(part[index]))[None] for part in (self.x, self.y))
        return x[: len(batch.indices)], y[: len(batch.indices)].long()


class Crops(Gather):
    """Reads a crop of each sample of a batch and augments it. Samples smaller than a crop are
    padded by reflection.

    Args:
        samples: segmentation samples of any size.
        crop: spatial shape of a crop.
        per_sample: crops a sample and epoch.
        foreground: share of crops centred at a position of a random foreground class (Isensee et
            al. 2021, nnU-Net); the others are uniform.
        background: values that are not foreground: the first class and the ignore index.
        augment: as for `Gather`.
    """

    def __init__(
        self,
        samples: Samples,
        crop: Sequence[int],
        per_sample: int,
        foreground: float,
        background: Sequence[int] = (0,),
        augment: Augment | None = None,
    ) -> None:
        super().__init__(samples, augment)
        self.crop, self.per_sample, self.foreground, self.background = (
            tuple(crop),
            per_sample,
            foreground,
            set(background),
        )
        self.places: dict[int, list[NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return len(self.y) * self.per_sample

    def __getitem__(self, batch: Batch) -> XY:
        rng = np.random.default_rng(batch.seed)
        pairs = []
        for index in batch.indices % len(self.y):
            firsts = self.draw(int(index), rng)
            pairs.append(
                (
                    cut(self.x[index], firsts, self.crop),
                    cut(self.y[index][None], firsts, self.crop)[0],
                )
            )
        x, y = (torch.stack(parts) for parts in zip(*pairs, strict=True))
        return self.finish(x, y, batch)

    def draw(self, index: int, rng: np.random.Generator) -> list[int]:
        """Return the start of a crop along each axis: inside the sample, or around it if it is
        smaller.
        """
        size = self.y[index].shape
        room = [have - want for have, want in zip(size, self.crop, strict=True)]
        places = self.places_of(index) if rng.random() < self.foreground else []
        if places:
            among = places[rng.integers(len(places))]
            centre = np.unravel_index(int(among[rng.integers(len(among))]), size)
            wanted = [
                int(position) - length // 2
                for position, length in zip(centre, self.crop, strict=True)
            ]
        else:
            wanted = [int(rng.integers(left + 1)) if left > 0 else 0 for left in room]
        return [
            min(max(first, 0), left) if left > 0 else -(-left // 2)
            for first, left in zip(wanted, room, strict=True)
        ]

    def places_of(self, index: int) -> list[NDArray[np.int64]]:
        """Return the flat positions of each foreground class of a sample, thinned evenly if there
        are many.
        """
        if index not in self.places:
            labels = np.asarray(self.y[index]).reshape(-1)
            found = [
                np.flatnonzero(labels == label)
                for label in np.unique(labels)
                if int(label) not in self.background
            ]
            # copies, as views would keep all positions in memory
            self.places[index] = [where[:: -(-len(where) // PLACES_KEPT)].copy() for where in found]
        return self.places[index]
