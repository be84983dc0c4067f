"""What is wrong with a data set: equal samples, files unlike the rest, classes too small."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.samples import PARTS, Array, DataInfo, Samples
from convsweep.data.statistics import chunks
from convsweep.planning.files import ImageFile, most_common

# Images are compared on thumbnails of so many positions an axis, the first so many of them.
THUMBNAIL = 12
MOST_COMPARED = 12_000
# Thumbnails of near duplicates correlate at least so much, and the images themselves differ by at
# most this share of their standard deviation: as after another compression, not another picture.
ALIKE = 0.99
MOST_DIFFERENCE = 0.1
# Standard deviations (by the median absolute deviation) from the median, and share of the range,
# from which the brightness of a sample is unlike the rest.
FAR, FAR_SHARE = 8.0, 0.1
FEW_IN_CLASS = 5


@dataclass(frozen=True)
class Fault:
    """Something wrong with the data.

    Args:
        kind: one or two words.
        text: a sentence with the first few names.
        names: all of them.
    """

    kind: str
    text: str
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Everything:
    """All samples of all parts, one after the other.

    Args:
        x: arrays of the parts.
        names: of the samples.
        parts: number of the part of each, as in `PARTS`.
        labels: class of each, None if samples have none.
    """

    x: list[Array]
    names: list[str]
    parts: NDArray[np.int64]
    labels: NDArray[np.int64] | None

    @classmethod
    def of(cls, parts: Sequence[Samples | None], info: DataInfo) -> "Everything":
        """Put parts together; None is a part that does not exist."""
        there = [(number, part) for number, part in enumerate(parts) if part is not None]
        return cls(
            [part.x for _, part in there],
            [name for _, part in there for name in part.names],
            np.concatenate([np.full(len(part), number) for number, part in there]),
            np.concatenate([np.asarray(part.y) for _, part in there])
            if info.kind.has_labels
            else None,
        )

    def samples(self) -> Iterable[NDArray[np.generic]]:
        """Yield every sample (C, *spatial)."""
        for x in self.x:
            for chunk in chunks(x):
                yield from chunk


def find_duplicates(all_: Everything, info: DataInfo) -> list[Fault]:
    """Return faults of samples that are equal byte by byte, and of images that are nearly so."""
    equal = defaultdict(list)
    for number, x in enumerate(all_.samples()):
        equal[blake2b(np.ascontiguousarray(x).tobytes(), digest_size=16).digest()].append(number)
    exact = [group for group in equal.values() if len(group) > 1]
    faults = tell_duplicates(exact, all_, info, "equal")
    if len(info.spatial_shape) == 2 and not info.any_size:
        known = {number for group in exact for number in group[1:]}
        faults += tell_duplicates(near_duplicates(all_, known), all_, info, "nearly equal")
    return faults


def thumbnails(all_: Everything) -> NDArray[np.float32]:
    """Return images in grey at `THUMBNAIL` positions an axis, standardised, (N, D) float32; 0 for
    those of one colour.
    """
    import torch
    from torch.nn import functional as F

    small = []
    for x in all_.x:
        for chunk in chunks(x):
            grey = torch.from_numpy(chunk.mean(axis=1, dtype=np.float32))[:, None]
            small.append(F.adaptive_avg_pool2d(grey, THUMBNAIL).flatten(1).numpy())
    flat = np.concatenate(small)
    flat -= flat.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(flat, axis=1, keepdims=True)
    standard: NDArray[np.float32] = np.divide(
        flat, norm, out=np.zeros_like(flat), where=norm > 1e-3
    )
    return standard


def near_duplicates(all_: Everything, known: set[int]) -> list[list[int]]:
    """Return pairs of images that are nearly equal, without those known to be equal."""
    flat = thumbnails(all_)[:MOST_COMPARED]
    pairs = []
    for start in range(0, len(flat), 1000):
        alike = flat[start : start + 1000] @ flat[start:].T
        first, second = np.nonzero(alike > ALIKE)
        later = second > first
        pairs += list(zip(first[later] + start, second[later] + start, strict=True))
    return [
        [int(first), int(second)]
        for first, second in pairs[:MOST_COMPARED]
        if not known & {int(first), int(second)} and differ_little(all_, int(first), int(second))
    ]


def sample_of(all_: Everything, number: int) -> NDArray[np.float32]:
    """Return one sample (C, *spatial) by its number over all parts."""
    for x in all_.x:
        if number < len(x):
            return np.asarray(x[number], dtype=np.float32)
        number -= len(x)
    raise IndexError(number)


def differ_little(all_: Everything, first: int, second: int) -> bool:
    """Return whether two images differ by a small share of their standard deviation."""
    one, other = sample_of(all_, first), sample_of(all_, second)
    return bool(np.sqrt(np.mean(np.square(one - other))) <= MOST_DIFFERENCE * one.std())


def tell_duplicates(
    groups: Sequence[Sequence[int]], all_: Everything, info: DataInfo, how: str
) -> list[Fault]:
    """Return a fault for the groups that span classes, for those that span parts, and for the
    rest, each with its samples.
    """
    told: dict[str, list[Sequence[int]]] = {"two classes": [], "two parts": [], "one part": []}
    for group in groups:
        labels = None if all_.labels is None else {int(all_.labels[i]) for i in group}
        across_parts = len({int(all_.parts[i]) for i in group}) > 1
        if labels is not None and len(labels) > 1:
            told["two classes"].append(group)
        if across_parts:
            told["two parts"].append(group)
        elif labels is None or len(labels) == 1:
            told["one part"].append(group)
    why = {
        "two classes": "at most one of the labels is right",
        "two parts": "scores are too good, since the network has seen the sample in training",
        "one part": "they count more than others",
    }
    return [
        Fault(
            f"{how} samples in {place}",
            f"{len(found)} group{'s' if len(found) > 1 else ''} of {how} samples in {place}"
            f" ({why[place]}): {examples([describe_group(each, all_, info) for each in found])}",
            [all_.names[i] for group in found for i in group],
        )
        for place, found in told.items()
        if found
    ]


def describe_group(group: Sequence[int], all_: Everything, info: DataInfo) -> str:
    """Return the names of a group of samples, with their parts and classes."""

    def word(i: int) -> str:
        label = "" if all_.labels is None else f", {info.class_names[int(all_.labels[i])]}"
        return f"{all_.names[i]} ({PARTS[int(all_.parts[i])]}{label})"

    return " = ".join(word(i) for i in group[:4])


def find_strange_brightness(
    means: NDArray[np.float64], deviations: NDArray[np.float64], names: Sequence[str]
) -> list[Fault]:
    """Return faults of samples whose brightness is far from the rest's, or that are constant."""
    median = float(np.median(means))
    spread = 1.4826 * float(np.median(np.abs(means - median)))
    reach = float(means.max() - means.min())
    far = np.abs(means - median) > max(FAR * spread, FAR_SHARE * reach)
    faults = []
    if spread > 0 and 0 < far.sum() <= max(1, len(names) // 50):
        found = np.flatnonzero(far).tolist()
        bad = [f"{names[i]} (mean {means[i]:.3g})" for i in found]
        text = f"{len(bad)} differ in brightness from the rest (median {median:.3g}): "
        faults.append(Fault("brightness", text + examples(bad), [names[i] for i in found]))
    flat = [names[i] for i in np.flatnonzero(deviations == 0).tolist()]
    if flat:
        faults.append(Fault("constant", f"{len(flat)} hold one value only: {examples(flat)}", flat))
    return faults


def find_strange_files(headers: Sequence[ImageFile]) -> list[Fault]:
    """Return faults of image files of another size or colour than most."""
    faults: list[Fault] = []
    for kind, values in (
        ("size", [header.size for header in headers]),
        ("colour", [header.color for header in headers]),
    ):
        usual = most_common(values) if values else None
        odd = [i for i, value in enumerate(values) if value != usual]
        # where sizes differ everywhere, no file is unlike the rest
        if not odd or len(odd) > len(headers) // 10:
            continue
        shown = [f"{headers[i].name} ({word_of(values[i])})" for i in odd]
        text = f"{len(odd)} of another {kind} than the rest ({word_of(usual)}): {examples(shown)}"
        faults.append(Fault(kind, text, [headers[i].name for i in odd]))
    return faults


def word_of(value: object) -> str:
    """Return a size or a colour as text."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def find_small_classes(counts: Sequence[int], class_names: Sequence[str]) -> list[Fault]:
    """Return a fault of the classes that have too few samples for every part of a split."""
    small = [i for i, count in enumerate(counts) if count < FEW_IN_CLASS]
    if not small:
        return []
    shown = [f"{class_names[i]} ({counts[i]})" for i in small]
    text = f"{len(small)} classes have fewer than {FEW_IN_CLASS} samples, too few to judge them: "
    return [Fault("small classes", text + examples(shown), [class_names[i] for i in small])]


def find_empty_masks(parts: Sequence[Samples | None], info: DataInfo) -> list[Fault]:
    """Return a fault of the masks that hold one class only."""
    empty = []
    for part in parts:
        if part is not None:
            numbers = (
                number
                for number, y in enumerate(one for chunk in chunks(part.y) for one in chunk)
                if y.min() == y.max()
            )
            empty += [part.names[number] for number in numbers]
    if not empty:
        return []
    return [
        Fault(
            "masks of one class",
            f"{len(empty)} masks hold one class only: {examples(empty)}",
            empty,
        )
    ]
