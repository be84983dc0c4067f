"""A look at the data: what there is, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.loading.array_types import Ragged
from convsweep.data.samples import PARTS, DataInfo, Samples
from convsweep.data.statistics import chunks, count_classes
from convsweep.planning.look import duplicates, faults
from convsweep.planning.look.everything import Everything, Fault
from convsweep.planning.look.image_files import ImageFile
from convsweep.planning.look.legend import Legend
from convsweep.planning.look.mirror import Mirrored, tell_mirrored
from convsweep.planning.look.volume_headers import volume_headers
from convsweep.task import Task, find_task

# About so many images are enough for the test of mirror images.
MOST_MIRRORED = 4000


@dataclass
class Look:
    """What is known of a data set before training. Plain data, so that it is kept as JSON.

    Args:
        task: name of the task.
        in_shape: (C, *spatial) of a sample, or of the largest.
        class_names: of classes, channels or numbers.
        num_samples: of each part.
        counts: samples (positions of masks) of each class over all parts; empty without classes.
        sizes: smallest, median and largest extent along each axis.
        file_sizes: the same of the image files, (height, width).
        num_grey, num_rgb, num_alpha: image files of each colour, and with an alpha channel.
        spacing: smallest, median and largest spacing of volumes in mm along each axis.
        numbers: smallest, median and largest value of each number to predict.
        legend: the values in the files of masks if the config does not say what they mean.
        mean, std: of each channel of the training part.
        low, high: smallest and largest value.
        brightness_spread: standard deviation of the samples' means, as a share of the mean
            standard deviation within samples.
        mirrored: whether left and right, up and down may be exchanged: share of samples that a
            linear test tells from their mirror images, and of how many.
        faults: what is wrong.
    """

    task: str
    in_shape: list[int]
    class_names: list[str]
    num_samples: dict[str, int]
    counts: list[int] = field(default_factory=list)
    sizes: list[list[int]] = field(default_factory=list)
    file_sizes: list[list[int]] = field(default_factory=list)
    num_grey: int = 0
    num_rgb: int = 0
    num_alpha: int = 0
    spacing: list[list[float]] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)
    legend: str = ""
    mean: list[float] = field(default_factory=list)
    std: list[float] = field(default_factory=list)
    low: float = 0.0
    high: float = 0.0
    brightness_spread: float = 0.0
    mirrored: dict[str, Mirrored] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @property
    def kind(self) -> Task:
        """The task."""
        return find_task(self.task)

    @property
    def total(self) -> int:
        """Number of samples of all parts."""
        return sum(self.num_samples.values())

    @property
    def imbalance(self) -> float:
        """Samples (positions) of the most frequent class for each of the rarest; 1 without
        classes.
        """
        present = [count for count in self.counts if count]
        return max(present) / min(present) if present else 1.0


def look_at(data: DataModule, headers: Sequence[ImageFile], legend: Legend | None) -> Look:
    """Return a look at a data module that is set up.

    Args:
        headers: of the image files, if the data consists of some.
        legend: the values in masks, if their meaning was not given.
    """
    info = data.info
    val = None if data.val is data.train else data.val
    parts = (data.train, val, data.test)
    all_ = Everything.of(parts, info)
    volumes = volume_headers(data)
    means, deviations, low, high = brightness(all_)
    look = Look(
        info.task,
        list(info.in_shape),
        list(info.class_names),
        {name: len(part) for name, part in zip(PARTS, parts, strict=True) if part is not None},
        counts_of(parts, info),
        sizes_of(parts),
        num_grey=sum(header.color == "grey" for header in headers),
        num_rgb=sum(header.color == "rgb" for header in headers),
        num_alpha=sum(header.has_alpha for header in headers),
        file_sizes=three_numbers(np.array([header.size for header in headers], np.int64)),
        spacing=[] if volumes is None else three_numbers(volumes.spacings),
        numbers=numbers_of(parts, info),
        legend="" if legend is None else legend.text,
        mean=[float(value) for value in data.mean],
        std=[float(value) for value in data.std],
        low=low,
        high=high,
        brightness_spread=float(means.std() / max(1e-12, float(deviations.mean()))),
        mirrored=mirror_tests(all_, info),
    )
    if data.unreadable.names:
        names = sorted(data.unreadable.names)
        look.faults.append(Fault("unreadable", f"{data.unreadable.text}; left out", names))
    if info.kind.has_labels:
        look.faults += faults.find_small_classes(look.counts, info.class_names)
    look.faults += faults.find_strange_files(headers)
    look.faults += faults.find_strange_brightness(means, deviations, all_.names)
    look.faults += duplicates.find_duplicates(all_, info)
    if info.kind.has_masks:
        look.faults += faults.find_empty_masks(parts, info)
    return look


def counts_of(parts: Sequence[Samples | None], info: DataInfo) -> list[int]:
    """Return the samples or positions of each class, or the samples with each label."""
    there = [part for part in parts if part is not None]
    if info.kind.has_classes:
        counts = [count_classes(part.y, info.num_classes) for part in there]
        return [int(count) for count in np.sum(counts, axis=0)]
    if info.kind.has_several_labels:
        sums = [np.asarray(part.y).sum(axis=0) for part in there]
        return [int(count) for count in np.sum(sums, axis=0)]
    return []


def numbers_of(parts: Sequence[Samples | None], info: DataInfo) -> list[list[float]]:
    """Return smallest, median and largest value of each number to predict; empty for other data."""
    if not info.kind.has_numbers or info.kind.has_several_labels:
        return []
    return three_numbers(np.concatenate([np.asarray(part.y) for part in parts if part is not None]))


def sizes_of(parts: Sequence[Samples | None]) -> list[list[int]]:
    """Return smallest, median and largest extent of the samples along each axis."""
    shapes = [
        shape[1:]
        for part in parts
        if part is not None
        for shape in (part.x.shapes if isinstance(part.x, Ragged) else [part.x.shape[1:]])
    ]
    return three_numbers(np.array(shapes, np.int64))


def three_numbers(values: NDArray[Any]) -> list[list[Any]]:
    """Return smallest, median and largest value of each column (N, K) -> (K, 3)."""
    if len(values) == 0:
        return []
    stacked = np.stack([values.min(axis=0), np.median(values, axis=0), values.max(axis=0)], axis=1)
    return [[each.item() for each in row] for row in stacked.astype(values.dtype)]


def brightness(
    all_: Everything,
) -> tuple[NDArray[np.float64], NDArray[np.float64], float, float]:
    """Return mean and standard deviation of each sample, and the smallest and largest value of
    all.
    """
    means, deviations, low, high = [], [], np.inf, -np.inf
    for x in all_.x:
        for chunk in chunks(x):
            flat = chunk.reshape(len(chunk), -1)
            means.append(flat.mean(axis=1, dtype=np.float64))
            deviations.append(flat.std(axis=1, dtype=np.float64))
            low, high = min(low, float(flat.min())), max(high, float(flat.max()))
    return np.concatenate(means), np.concatenate(deviations), low, high


def targets(all_: Everything) -> NDArray[Any]:
    """Return the targets of all parts as one array, (N,) or (N, K)."""
    return np.concatenate([np.asarray(y) for y in all_.y])


def mirror_tests(all_: Everything, info: DataInfo) -> dict[str, Mirrored]:
    """Return how well images can be distinguished from their mirror images, left to right and
    upside down.
    """
    if len(info.spatial_shape) != 2:
        return {}
    flat = duplicates.thumbnails(all_)
    step = max(1, len(flat) // MOST_MIRRORED)  # files are in the order of their classes
    images = flat[::step].reshape(-1, duplicates.THUMBNAIL, duplicates.THUMBNAIL)
    labels = None if info.kind.is_dense else info.kind.strata(targets(all_)[::step])
    return {
        "left and right": tell_mirrored(images, 2, labels),
        "up and down": tell_mirrored(images, 1, labels),
    }
