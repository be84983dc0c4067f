"""Parts of a folder, with a test part of the files that match patterns."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Parts, Samples
from convsweep.errors import UserError

# Part of each file.
PartOf = NDArray[np.str_]


def patterns_of(holdout: str | Sequence[str] | None) -> list[str]:
    """Return the patterns of the option `holdout`."""
    return [holdout] if isinstance(holdout, str) else list(holdout or [])


def parts_of(sizes: dict[str, int]) -> PartOf:
    """Return the part of each file for parts of these sizes one after the other."""
    return np.repeat(list(sizes), list(sizes.values()))


def with_test_files(
    part_of: PartOf, names: Sequence[str], patterns: Sequence[str], root: Path
) -> PartOf:
    """Return the parts of files, with those whose name matches a pattern in the test part.

    Args:
        part_of: the part whose folder each file lies in.
        names: of the files.
        root: for the messages.

    Raises:
        UserError: the patterns match no file or all training files, or there is a test folder too.
    """
    if not patterns:
        return part_of
    held = np.array([any(fnmatchcase(name, pattern) for pattern in patterns) for name in names])
    if (part_of == "test").any():
        raise UserError(
            f"The test part is given once, but {root} has a test folder and data.holdout is set;"
            " set data.holdout=null."
        )
    if not held.any() or held[part_of == "train"].all():
        raise UserError(
            f"data.holdout must match some names and leave some to train on, but {list(patterns)}"
            f" matches {held.sum()} of {len(names)} in {root}."
        )
    return np.where(held, "test", part_of)


def with_holdout(
    samples: Samples, names: Sequence[str], part_of: PartOf, patterns: Sequence[str], root: Path
) -> Parts:
    """Return the training, validation and test part; None for a missing part.

    Args:
        names, part_of, patterns, root: as for `held_out`.

    Raises:
        UserError: as `held_out`.
    """
    part_of = with_test_files(part_of, names, patterns, root)
    if (part_of == "train").all():
        return samples, None, None
    parts = {
        str(part): samples.select(np.flatnonzero(part_of == part)) for part in np.unique(part_of)
    }
    return parts["train"], parts.get("val"), parts.get("test")
