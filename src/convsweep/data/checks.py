"""Checks of samples before training; messages name the samples that fail."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.files.images import WHITE, is_deep, look_into
from convsweep.data.labels import outside
from convsweep.data.samples import Array, DataInfo, Samples
from convsweep.data.statistics import chunks
from convsweep.errors import UserError

# Names that a message shows; it counts the others.
SHOWN = 3
# Images whose maximum is below this use a quarter of the 8-bit range.
DIM = 64
# Maximum values of cameras with so many bits.
WHITES = (*(2**bits - 1 for bits in (8, 10, 12, 14)), WHITE)

log = logging.getLogger(__name__)


def examples(names: Sequence[str]) -> str:
    """Return the first few names and how many more there are."""
    shown = ", ".join(str(name) for name in names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def tell_depth(x: Array, files: Sequence[Path], white: int, root: Path) -> None:
    """Suggest a value of `data.white` for dim 16-bit images, which lose most of their levels in 8
    bits.

    Args:
        x: the images in 8 bits.
        files: of the images; the first that can be read says whether they have 16 bits.
        white: the value of a file that was mapped to 255.
        root: the folder that the user named.
    """
    if not starts_deep(files):
        return
    brightest = 0
    for chunk in chunks(x):
        brightest = max(brightest, int(chunk.max(initial=0)))
        if brightest >= DIM:
            return
    held = (brightest + 1) * (white + 1) // 256 - 1
    better = next(depth for depth in WHITES if held <= depth)
    if better < white:
        log.warning(
            "The 16-bit images in %s keep %d of 256 levels, as data.white is %d and none is"
            " brighter than %d; set data.white=%d.",
            root,
            brightest + 1,
            white,
            held,
            better,
        )


def starts_deep(files: Sequence[Path]) -> bool:
    """Return whether the first image that can be read has more than 8 bits."""
    looks = (look_into(path, is_deep) for path in files)
    return next((deep for deep in looks if deep is not None), False)


def check_facts(info: DataInfo) -> None:
    """Raise UserError if there are fewer than two classes."""
    if info.kind.has_classes and info.num_classes < 2:
        raise UserError(
            f"Classes to tell apart must be two or more, but the data has {info.num_classes} "
            f"({', '.join(info.class_names) or 'none'}); add samples of another class."
        )


def check_present(class_counts: NDArray[np.int64], info: DataInfo) -> None:
    """Raise UserError if the training part holds only one class."""
    present = np.flatnonzero(class_counts)
    if len(present) < 2:
        found = (
            f"only one class, {info.class_names[present[0]]}" if len(present) else "no class at all"
        )
        raise UserError(
            f"The training part must show two classes or more, but holds {found}; check the labels"
            " or add samples."
        )


def check_samples(samples: Samples, info: DataInfo, part: str) -> None:
    """Raise UserError unless samples are as the data set describes them.

    Args:
        samples: what was read.
        info: description of the data set.
        part: "train", "val" or "test", for the message.
    """
    if len(samples) == 0:
        raise UserError(f"Every part of the data must hold a sample, but {part} is empty.")
    if not len(samples.x) == len(samples.y) == len(samples.names):
        raise UserError(
            f"x and y must be of equal length, but {part} has {len(samples.x)} x, {len(samples.y)}"
            f" y and {len(samples.names)} names; give every sample one label."
        )
    check_shapes(samples, info, part)
    if samples.x.dtype not in (np.uint8, np.float32):
        raise UserError(
            f"x must be uint8 or float32, but {part} has {samples.x.dtype}; convert it once."
        )
    check_finite(samples, part)
    if info.kind.has_classes:
        check_labels(samples, info, part)
    elif not all(np.isfinite(chunk).all() for chunk in chunks(samples.y)):
        raise UserError(
            f"y must be finite, but {part} holds NaN or infinity; repair or remove these samples."
        )
    info.kind.check_targets(samples, info, part)


def check_shapes(samples: Samples, info: DataInfo, part: str) -> None:
    """Raise UserError if samples or targets do not have the described shape."""
    if info.any_size:
        return
    if samples.x.shape[1:] != info.in_shape:
        raise UserError(
            f"Samples must have the shape (channels, *spatial) = {info.in_shape}, but {part} has"
            f" {samples.x.shape[1:]}."
        )
    expected = info.target_shape
    if samples.y.shape[1:] != expected:
        raise UserError(
            f"y must have the shape {expected} per sample for {info.task}, but {part} has"
            f" {samples.y.shape[1:]}."
        )


def check_finite(samples: Samples, part: str) -> None:
    """Raise UserError naming the samples with NaN or infinity."""
    if samples.x.dtype == np.uint8:
        return
    axes = tuple(range(1, samples.x.ndim))
    bad = [~np.isfinite(chunk).all(axis=axes) for chunk in chunks(samples.x)]
    broken = [samples.names[i] for i in np.flatnonzero(np.concatenate(bad))]
    if broken:
        raise UserError(
            f"x must be finite, but {part} holds NaN or infinity in {examples(broken)}; repair or"
            " remove these samples."
        )


def check_labels(samples: Samples, info: DataInfo, part: str) -> None:
    """Raise UserError naming the samples whose labels are neither a class nor the ignore index."""
    bad = []
    found: set[int] = set()
    for chunk in chunks(samples.y):
        wrong = outside(chunk, info.num_classes, info.ignore_index)
        if wrong.any():
            found.update(np.unique(chunk[wrong]).tolist())
        bad.append(wrong.reshape(len(chunk), -1).any(axis=1))
    broken = [samples.names[i] for i in np.flatnonzero(np.concatenate(bad))]
    if broken:
        ignored = "" if info.ignore_index is None else f" or the ignore index {info.ignore_index}"
        values = examples([str(value) for value in sorted(found)])
        raise UserError(
            f"Labels must be whole numbers 0 to {info.num_classes - 1}{ignored}, but {part} holds"
            f" {values} in {examples(broken)}; correct the labels, or name the classes or the"
            " ignore index in the data config."
        )
