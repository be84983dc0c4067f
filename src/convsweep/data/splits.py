"""Splits that depend on the samples' names and one seed, and on nothing else."""

import math
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Array, Indices
from convsweep.errors import UserError


def ranks(names: Sequence[str], split_seed: int) -> NDArray[np.uint64]:
    """Return one number a name, drawn from the name and the seed alone."""
    digests = (blake2b(f"{split_seed}:{name}".encode(), digest_size=8).digest() for name in names)
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64)


def stratified_split(
    names: Sequence[str], strata: Array | None, fractions: Sequence[float], split_seed: int
) -> list[Indices]:
    """Divide samples into one part a fraction, and the rest.

    Inside each stratum the samples are ordered by the hash of their names, and each part takes its
    share of that order. So a file more or less shifts at most one sample of its own class over each
    border, and no other setting moves any.

    Args:
        names: N names.
        strata: (N,) labels that every part shall hold in equal shares; None where there are none
            (masks).
        fractions: the share of each part; what remains is the last part.
        split_seed: another seed is another split.

    Returns:
        Indices of each part and then of the rest, each in ascending order.

    Raises:
        UserError: if the fractions leave nothing over, or a part or the rest stays empty.
    """
    if any(not 0 < fraction < 1 for fraction in fractions) or sum(fractions) >= 1:
        raise UserError(
            "Fractions to split off must lie between 0 and 1 and leave something for training, but"
            f" are {list(fractions)}; null splits nothing off."
        )
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


def shares(count: int, fractions: Sequence[float]) -> list[int]:
    """Return how many of `count` samples of one stratum each fraction gets: at least one if all get
    one, and one is left.
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
