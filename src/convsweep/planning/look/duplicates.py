"""Samples that are equal, and images that are nearly so."""

from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.samples import PARTS, DataInfo
from convsweep.data.statistics import chunks
from convsweep.planning.look.everything import Everything, Fault

# Images are compared on thumbnails of so many positions an axis, the first so many of them, and the
# first so many pairs that look alike.
THUMBNAIL = 12
MOST_COMPARED = 12_000
# Thumbnails of near duplicates correlate at least so much, and the images themselves differ by at
# most this share of their standard deviation: as after another compression, not another picture.
ALIKE = 0.99
MOST_DIFFERENCE = 0.1
EQUAL, IN_ONE = "equal", "in one part"
# Samples of a group that a message names.
MOST_NAMED = 4


def find_duplicates(all_: Everything, info: DataInfo) -> list[Fault]:
    """Return faults of samples that are equal byte by byte, and of images that are nearly so."""
    equal = defaultdict(list)
    for number, x in enumerate(all_.samples()):
        values = blake2b(np.ascontiguousarray(x).tobytes(), digest_size=16).digest()
        equal[x.shape, values].append(number)
    exact = [group for group in equal.values() if len(group) > 1]
    faults = tell_duplicates(exact, all_, info, EQUAL)
    if len(info.spatial_shape) == 2:
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
    flat = thumbnails(all_)
    flat[list(known)] = 0  # a thumbnail of one value looks like no other
    flat = flat[:MOST_COMPARED]
    pairs: list[list[int]] = []
    for start in range(0, len(flat), 1000):
        alike = flat[start : start + 1000] @ flat[start:].T > ALIKE
        # thousands of frames that look alike have millions of pairs
        found = np.flatnonzero(np.triu(alike, 1))[: MOST_COMPARED - len(pairs)]
        pairs += (np.stack(np.unravel_index(found, alike.shape), axis=1) + start).tolist()
    return [[first, second] for first, second in pairs if differ_little(all_, first, second)]


def differ_little(all_: Everything, first: int, second: int) -> bool:
    """Return whether two images differ by a small share of their standard deviation."""
    one, other = all_.sample(first), all_.sample(second)
    if one.shape != other.shape:
        return False
    return bool(np.sqrt(np.mean(np.square(one - other))) <= MOST_DIFFERENCE * one.std())


def tell_duplicates(
    groups: Sequence[Sequence[int]], all_: Everything, info: DataInfo, how: str
) -> list[Fault]:
    """Return a fault for the groups that have different targets, for those that are in two parts,
    and for the rest, each with its samples.
    """
    other_targets = "in two classes" if info.kind.has_labels else "with different targets"
    told: dict[str, list[Sequence[int]]] = {other_targets: [], "in two parts": [], IN_ONE: []}
    for group in groups:
        differ = have_different_targets(group, all_, info, how)
        if differ:
            told[other_targets].append(group)
        if len({int(all_.parts[i]) for i in group}) > 1:
            told["in two parts"].append(group)
        elif not differ:
            told[IN_ONE].append(group)
    why = {
        other_targets: "at most one of the targets is right",
        "in two parts": "scores are too good, since the network has seen the sample in training",
        IN_ONE: "they count more than others",
    }
    return [
        Fault(
            f"{how} samples {place}",
            f"{len(found):,} group{'s' if len(found) > 1 else ''} of {how} samples {place}"
            f" ({why[place]}): {examples([describe_group(each, all_, info) for each in found])}",
            [all_.names[i] for group in found for i in group],
        )
        for place, found in told.items()
        if found
    ]


def have_different_targets(
    group: Sequence[int], all_: Everything, info: DataInfo, how: str
) -> bool:
    """Return whether samples that should have one target have several: the class of equal and
    nearly equal samples, masks and numbers of equal ones.
    """
    if all_.labels is not None:
        return len({int(all_.labels[i]) for i in group}) > 1
    if how != EQUAL or info.kind.gives_signals:
        return False
    return len({all_.target(i) for i in group}) > 1


def describe_group(group: Sequence[int], all_: Everything, info: DataInfo) -> str:
    """Return the names of some samples of a group, with their parts and classes, one of each first,
    and how many more there are.
    """

    def kind(i: int) -> str:
        label = "" if all_.labels is None else f", {info.class_names[int(all_.labels[i])]}"
        return f"{PARTS[int(all_.parts[i])]}{label}"

    first = {kind(i): i for i in reversed(group)}.values()
    ordered = [*sorted(first), *(i for i in group if i not in first)]
    words = [f"{all_.names[i]} ({kind(i)})" for i in ordered[:MOST_NAMED]]
    more = len(group) - len(words)
    return " = ".join(words) + (f" = {more:,} more" if more else "")
