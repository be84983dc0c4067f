"""Arrays of your own in .npz or .npy files, with any number of spatial dimensions."""

import math
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.files import npy
from convsweep.data.labels import Relabel, mask_dtype, relabel_values, sorted_classes, whole_numbers
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import PARTS, DataInfo, Parts, Samples, number_names
from convsweep.errors import UserError
from convsweep.task import CLASSIFICATION, find_task

Channels = Literal["first", "last", "none"]


class Arrays(DataModule):
    """Samples `x` and labels `y`, or `x_train`, `y_train`, `x_val`, `y_val`, `x_test`, `y_test`, in
    any case.

    Args:
        path: a .npz file, or a folder of .npy files (these are memory-mapped if they are uint8 or
            float32).
        task: task that y is for: one label a sample, a mask, or numbers, whose channel axis is as
            for x.
        channels: channel axis of x: "first" (N, C, *spatial), "last" (N, *spatial, C) or "none" (N,
            *spatial).
        class_names: names of the classes; null numbers them.
        num_classes: null takes the highest label + 1.
        ignore_index: the mask value that is left out of loss and metrics.
        relabel: "sorted" numbers the distinct labels in ascending order 0, 1, ...; required for
            words.
    """

    own_files = "path"

    def __init__(
        self,
        path: str,
        task: str = CLASSIFICATION,
        channels: Channels = "first",
        class_names: Sequence[str] | None = None,
        num_classes: int | None = None,
        ignore_index: int | None = None,
        relabel: Relabel = "none",
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.path = Path(path).expanduser()
        self.task, self.channels, self.relabel = find_task(task), channels, relabel
        self.class_names, self.num_classes, self.ignore_index = (
            class_names,
            num_classes,
            ignore_index,
        )

    @cached_property
    def headers(self) -> dict[str, npy.Header]:
        return npy.headers(self.path)

    @cached_property
    def keys(self) -> dict[str, tuple[str, str]]:
        """The names of x and y of each part."""
        return pair_keys(list(self.headers), str(self.path))

    def describe(self) -> DataInfo:
        x_key = self.keys["train"][0]
        in_shape = sample_shape(self.headers[x_key][0], self.channels, f"{x_key} of {self.path}")
        names = self.class_names
        if names is None and self.relabel == "sorted":
            names = [str(value) for value in self.classes]
        count = (
            self.num_classes
            if self.num_classes is not None
            else len(names)
            if names is not None
            else self.num_targets
        )
        names = tuple(str(number) for number in range(count)) if names is None else tuple(names)
        if len(names) != count:
            raise UserError(
                f"Every class needs one name, but data.num_classes is {count} and data.class_names"
                f" has {len(names)}."
            )
        return DataInfo(
            in_shape,
            count,
            names,
            self.task.name,
            self.ignore_index if self.task.has_masks else None,
        )

    @property
    def num_targets(self) -> int:
        """Number of classes of y, or of its channels or numbers a sample."""
        if self.task.has_classes:
            return self.highest + 1
        shape = self.headers[self.keys["train"][1]][0]
        if self.task.has_numbers:
            return math.prod(shape[1:])
        return (
            shape[-1 if self.channels == "last" else 1]
            if len(shape) > 1 and self.channels != "none"
            else 1
        )

    @cached_property
    def raw_labels(self) -> dict[str, NDArray[Any]]:
        """y of each part as stored in the file."""
        return {part: npy.load(self.path, y_key) for part, (_, y_key) in self.keys.items()}

    @cached_property
    def classes(self) -> list[Any]:
        return sorted_classes(list(self.raw_labels.values()), self.ignore_index)

    @cached_property
    def highest(self) -> int:
        """The highest label of the training part that is not the ignore index.

        Raises:
            UserError: a class below it has no sample, for instance because labels start at 1.
        """
        where = f"{self.keys['train'][1]} of {self.path}"
        labels = np.unique(whole_numbers(self.raw_labels["train"], where)).tolist()
        values = {label for label in labels if label != self.ignore_index}
        highest = int(max(values, default=-1))
        absent = [str(label) for label in range(highest + 1) if label not in values]
        if absent and self.task.has_labels and labels[0] >= 0:
            raise UserError(
                f"Labels must be 0, 1, ... without a gap, but {where} has none of"
                f" {examples(absent)}; say data.relabel=sorted to number them, or data.num_classes"
                " if classes may be absent."
            )
        return highest

    def read(self) -> Parts:
        parts = {part: self.read_part(part) for part in self.keys}
        return parts["train"], parts.get("val"), parts.get("test")

    def read_part(self, part: str) -> Samples:
        """Return one part, its channels first.

        Raises:
            UserError: x is not numeric.
        """
        x_key, y_key = self.keys[part]
        x = with_channels_first(npy.load(self.path, x_key), self.channels)
        if x.dtype not in (np.uint8, np.float32):
            if x.dtype.kind not in "biuf":
                raise UserError(
                    f"x must hold numbers, but {x_key} of {self.path} holds {x.dtype}; save it as"
                    " uint8 or float32."
                )
            x = np.asarray(x, dtype=np.uint8 if x.dtype == np.bool_ else np.float32)
        return Samples(x, self.labels(part, y_key, x.ndim), number_names(part, len(x)))

    def labels(self, part: str, y_key: str, x_ndim: int) -> NDArray[Any]:
        """Return y of one part as class indices, without a channel axis of size 1."""
        where = f"{y_key} of {self.path}"
        y = self.raw_labels[part]
        if not self.task.has_classes:
            return numbers(y, self.channels, self.describe().target_shape, where)
        if self.relabel == "sorted":
            y = relabel_values(y, self.classes, self.ignore_index)
        expected = 1 if self.task.has_labels else x_ndim - 1
        axis = -1 if self.channels == "last" or self.task.has_labels else 1
        if y.ndim == expected + 1 and y.shape[axis] == 1:
            y = y.squeeze(axis)
        if self.task.has_labels:
            return whole_numbers(y, where)
        return y if y.dtype in (np.uint8, np.int16) else mask_dtype(whole_numbers(y, where), where)


def numbers(
    y: NDArray[Any], channels: Channels, shape: tuple[int, ...], where: str
) -> NDArray[Any]:
    """Return targets that are not classes as float32 with channels first.

    Args:
        y: as stored in the file.
        shape: of the target of one sample; a channel axis of size 1 may be missing in y.

    Raises:
        UserError: y is not numeric.
    """
    if y.dtype.kind not in "biuf":
        raise UserError(f"y must hold numbers, but {where} holds {y.dtype}; save it as float32.")
    if y.ndim == len(shape) and shape[0] == 1:
        y = y[:, None]
    elif channels == "last":
        y = np.moveaxis(y, -1, 1)
    return np.asarray(y, np.float32)


def pair_keys(names: Sequence[str], where: str) -> dict[str, tuple[str, str]]:
    """Return the names of x and y of each part; x and y without a part are the training part.

    Raises:
        UserError: if x or y is missing.
    """
    known = {name.lower(): name for name in names}
    found: dict[str, tuple[str, str]] = {}
    for part in PARTS:
        suffixes = [f"_{part}", ""] if part == "train" else [f"_{part}"]
        for suffix in suffixes:
            x, y = known.get(f"x{suffix}"), known.get(f"y{suffix}")
            if x is not None and y is not None:
                found[part] = (x, y)
                break
            if x is not None or y is not None:
                raise UserError(
                    f"x{suffix} and y{suffix} belong together, but {where} holds only {x or y}; add"
                    " the other."
                )
    if "train" not in found:
        raise UserError(
            f"Arrays must be named x and y, or x_train and y_train, but {where} holds"
            f" {', '.join(names) or 'nothing'}."
        )
    return found


def sample_shape(shape: tuple[int, ...], channels: Channels, where: str) -> tuple[int, ...]:
    """Return (C, *spatial) of one sample of an array of this shape.

    Raises:
        UserError: if no spatial axis is left.
    """
    needed = 2 if channels == "none" else 3
    if len(shape) < needed:
        raise UserError(
            f"x must have {needed} axes or more at data.channels={channels} (samples, channels and"
            f" at least one position), but {where} has the shape {shape}; set data.channels to"
            " first, last or none."
        )
    return {"first": shape[1:], "last": (shape[-1], *shape[1:-1]), "none": (1, *shape[1:])}[
        channels
    ]


def with_channels_first(x: NDArray[Any], channels: Channels) -> NDArray[Any]:
    """Return x as (N, C, *spatial)."""
    if channels == "none":
        return x[:, None]
    if channels == "first":
        return x
    return (
        np.moveaxis(x, -1, 1)
        if isinstance(x, np.memmap)
        else np.ascontiguousarray(np.moveaxis(x, -1, 1))
    )
