"""Division of samples into training, validation and test part: by fractions or folds, by sample or
group.
"""

from collections.abc import Collection, Sequence

import numpy as np

from convsweep.data.groups import group_split
from convsweep.data.options import LoadingOptions, split_off
from convsweep.data.samples import Array, Indices
from convsweep.data.splits import stratified_folds, stratified_split


def divide(
    names: Sequence[str],
    groups: Sequence[str] | None,
    strata: Array | None,
    loading: LoadingOptions,
    present: Collection[str],
) -> dict[str, Indices]:
    """Return the indices of each part into which the training part of a source is divided.

    The test part does not depend on the validation part: it is the same for all folds, and for all
    values of `data.val_fraction` under `data.group`.

    Args:
        names: of the samples.
        groups: of the samples; None: each for itself.
        strata: (N,) labels to stratify by, or None.
        loading: the options of the data.
        present: the parts that the source has.

    Returns:
        The parts that are split off, and "train": the rest.

    Raises:
        UserError: the division is impossible, or contradicts a part that is present.
    """
    wanted = split_off(loading, present)
    num_folds, seed = loading["num_folds"], loading["split_seed"]
    rest = np.arange(len(names))
    parts: dict[str, Indices] = {}
    if groups is None:
        if wanted:
            *chosen, rest = stratified_split(names, strata, list(wanted.values()), seed)
            parts |= zip(wanted, chosen, strict=True)
    else:
        left = 1.0
        for part, share in wanted.items():
            part_of = group_split(
                _at(groups, rest), _of(strata, rest), [share / left], split_seed=seed
            )
            parts[part], rest = rest[part_of == 0], rest[part_of == 1]
            left -= share
    if num_folds is None:
        return parts | {"train": rest}
    if groups is None:
        fold_of = stratified_folds(_at(names, rest), _of(strata, rest), num_folds, seed)
    else:
        equal = [1 / num_folds] * (num_folds - 1)
        fold_of = group_split(_at(groups, rest), _of(strata, rest), equal, seed)
    is_val = fold_of == loading["fold"]
    return parts | {"val": rest[is_val], "train": rest[~is_val]}


def _at(items: Sequence[str], indices: Indices) -> list[str]:
    return [items[index] for index in indices]


def _of(strata: Array | None, indices: Indices) -> Array | None:
    return None if strata is None else np.asarray(strata)[indices]
