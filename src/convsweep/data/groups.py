"""Groups of samples, such as those of a patient, a speaker or a field, that no two parts share."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.files.folders import PART_NAMES
from convsweep.data.samples import Array, Indices
from convsweep.data.splits import check_fractions, ranks
from convsweep.errors import UserError

FOLDER = "folder"
_PART_FOLDERS = frozenset(name for names in PART_NAMES.values() for name in names)


def groups_of(names: Sequence[str], group: str, folder_of: Callable[[str], str]) -> list[str]:
    """Return the group of each sample under the option `data.group`.

    Args:
        names: of the samples.
        group: `folder`, or a pattern.
        folder_of: returns the folder of a sample, by its name.

    Raises:
        UserError: the pattern is none, or does not match every name.
    """
    if group == FOLDER:
        return [folder_of(name) for name in names]
    try:
        pattern = re.compile(group)
    except re.error as error:
        raise UserError(
            f"data.group must be folder or a regular expression, but is {group!r}: {error}"
        ) from None
    if pattern.groups != 1:
        raise UserError(
            "data.group must hold one group in parentheses, such as '(patient\\d+)_', but"
            f" {group!r} holds {pattern.groups}"
        )
    found = [pattern.search(name) for name in names]
    others = [name for name, match in zip(names, found, strict=True) if not (match and match[1])]
    if others:
        raise UserError(
            f"data.group must match the name of every sample, but {group!r} does not match"
            f" {len(others)} of {len(names)}: {examples(others)}; change the pattern"
        )
    return [match[1] for match in found if match]


def folder_below_parts(name: str) -> str:
    """Return the folder of a file below the folders of train, val and test."""
    return "/".join(part for part in name.split("/")[:-1] if part.lower() not in _PART_FOLDERS)


def group_split(
    groups: Sequence[str], strata: Array | None, fractions: Sequence[float], split_seed: int
) -> Indices:
    """Return the part of each sample: one for each fraction, then the rest. No group is in two
    parts, and no part is empty.

    One group after the other, the largest first, goes to the part where it least raises the sum of
    `share**2 / fraction` over parts and classes, which is lowest if each part holds its fraction of
    every class. With equal fractions this is what scikit-learn's `StratifiedGroupKFold` does, which
    minimises the standard deviation of these shares.

    Args:
        groups: N names of groups.
        strata: (N,) labels to stratify by; None without labels.
        fractions: the share of each part of the samples; the rest is the last part.
        split_seed: seed of the order of groups that hold about as many samples.

    Raises:
        UserError: there are fewer groups than parts.
    """
    check_fractions(fractions)
    names, group_of = np.unique(np.asarray(groups), return_inverse=True)
    parts = np.array([*fractions, 1 - sum(fractions)])
    if len(names) < len(parts):
        raise UserError(
            f"Every part needs a group of its own, but data.group finds {len(names)}"
            f" ({examples([repr(str(name)) for name in names])}) for {len(parts)} parts; lower"
            " data.num_folds, set a fraction to null, or change data.group"
        )
    shares = _shares_of_classes(group_of, strata)
    size = np.round(np.log2(np.linalg.norm(shares, axis=1)))  # alike within a factor of two
    held = np.zeros((len(parts), shares.shape[1]))
    part_of = np.empty(len(names), np.int64)
    # groups of one size in descending order of their hashes: the parts that fill up last, which are
    # split off, then get the lowest, as in `stratified_split`
    for place, index in enumerate(np.lexsort((~ranks(list(names), split_seed), -size))):
        own = shares[index]
        rise = (held + own / 2) @ own / parts
        empty = ~held.any(axis=1)
        if len(names) - place <= empty.sum():
            rise[~empty] = np.inf
        part_of[index] = rise.argmin()
        held[part_of[index]] += own
    return part_of[group_of]


def _shares_of_classes(group_of: Indices, strata: Array | None) -> NDArray[np.float64]:
    """Return the share of each group in each class, (groups, classes)."""
    labels = np.zeros(len(group_of), np.int64) if strata is None else np.asarray(strata)
    class_of = np.unique(labels, return_inverse=True)[1]
    counts = np.zeros((group_of.max() + 1, class_of.max() + 1))
    np.add.at(counts, (group_of, class_of), 1)
    return np.asarray(counts / counts.sum(axis=0))


def check_apart(groups: Mapping[str, Collection[str]]) -> None:
    """Check that parts share no group.

    Args:
        groups: of each part.

    Raises:
        UserError: naming a group and its parts.
    """
    parts = list(groups)
    for index, part in enumerate(parts):
        for other in parts[index + 1 :]:
            shared = sorted(set(groups[part]) & set(groups[other]))
            if shared:
                raise UserError(
                    f"No group may lie in two parts, but {part} and {other} of the data share"
                    f" {examples(shared)} under data.group; move these files into one part, or set"
                    " data.group=null"
                )
