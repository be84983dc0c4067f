"""Splits that depend only on the samples' names and a seed."""

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Array, Indices
from convsweep.errors import UserError


def ranks(names: Sequence[str], split_seed: int) -> NDArray[np.uint64]:
    """Return a pseudo-random number for each name, a hash of name and seed."""
    digests = (blake2b(f"{split_seed}:{name}".encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def stratified_split(
    names: Sequence[str], strata: Array | None, fractions: Sequence[float], split_seed: int
) -> list[Indices]:
    """Split samples into one part for each fraction, and the rest.

    Within each stratum the samples are ordered by the hash of their names, and each part takes its
    share in this order. So adding or removing a file moves at most one sample of its class across
    each border, and no other setting moves any.

    Args:
        names: N names.
        strata: (N,) labels to stratify by; None without labels (masks).
        fractions: the share of each part; the remainder is the last part.
        split_seed: seed of the split.

    Returns:
        Indices of each part, then of the rest, each in ascending order.

    Raises:
        UserError: if the fractions sum to 1 or more, or a part or the rest would be empty.
    """
    check_fractions(fractions)
    labels = np.zeros(len(names), np.int64) if strata is None else np.asarray(strata)
    order = np.lexsort((ranks(names, split_seed), labels))
    parts: list[list[Indices]] = [[] for _ in range(len(fractions) + 1)]
    for members in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1):
        borders = np.cumsum(shares(len(members), fractions))
        for part, chunk in zip(parts, np.split(members, borders), strict=True):
            part.append(chunk)
    result = [np.sort(np.concatenate(part)) for part in parts]
    if any(len(part) == 0 for part in result):
        raise UserError(
            f"Every part of a split must hold a sample, but {len(names)} samples divide into"
            f" {[len(part) for part in result]} at fractions {list(fractions)} and the rest; add"
            " samples or change data.val_fraction and data.test_fraction."
        )
    return result


def check_fractions(fractions: Sequence[float]) -> None:
    """Raise UserError unless fractions can be split off and leave a rest."""
    if any(not 0 < fraction < 1 for fraction in fractions) or sum(fractions) >= 1:
        raise UserError(
            "Fractions to split off must lie between 0 and 1 and leave something for training, but"
            f" are {list(fractions)}; null splits nothing off."
        )


def stratified_folds(
    names: Sequence[str], strata: Array | None, num_folds: int, split_seed: int
) -> Indices:
    """Return the fold of each sample, 0 to num_folds - 1.

    Numbers of samples of a fold, and of each of its classes, differ by at most one between folds.
    As in `stratified_split`, each fold is a section of the samples ordered by the hash of their
    names.

    Args:
        names: N names.
        strata: (N,) labels to stratify by; None without labels.
        num_folds: number of folds.
        split_seed: seed of the split.

    Raises:
        UserError: there are fewer samples than folds.
    """
    if len(names) < num_folds:
        raise UserError(
            f"Every fold must hold a sample, but data.num_folds={num_folds} and there are"
            f" {len(names)} samples beside the test part; lower data.num_folds"
        )
    labels = np.zeros(len(names), np.int64) if strata is None else np.asarray(strata)
    order = np.lexsort((ranks(names, split_seed), labels))
    # Dealt out in turn, all folds get their share of each class and of the whole; sorted within a
    # class, the folds become sections.
    dealt = np.arange(len(names)) % num_folds
    fold_of = np.empty(len(names), np.int64)
    fold_of[order] = dealt[np.lexsort((dealt, labels[order]))]
    return fold_of


def shares(count: int, fractions: Sequence[float]) -> list[int]:
    """Return the number of samples each fraction gets of `count` in one stratum: at least one, if
    that leaves one for the rest.
    """
    wanted = [math.floor(count * fraction + 0.5) for fraction in fractions]
    if count > len(fractions):
        wanted = [max(1, number) for number in wanted]
    left = count - 1
    taken = []
    for number in wanted:
        taken.append(min(number, left))
        left -= taken[-1]
    return taken
