"""Parts of a folder: as its own folders divide it, and with the files that a pattern names as the test part."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import Samples
from convsweep.errors import UserError

Parts = tuple[Samples, Samples | None, Samples | None]


def with_holdout(samples: Samples, stems: Sequence[str], part_of: NDArray[np.str_], patterns: Sequence[str], root: Path) -> Parts:
    """Return the training, validation and test part; None for a part that is not there.

    Args:
        stems: name of each sample's file, without its extension.
        part_of: the part whose folder each sample lies in.
        patterns: samples whose name matches one of these are the test part.
        root: for the messages.

    Raises:
        UserError: the patterns match nothing, or everything, or there is a test folder too.
    """
    held = np.array([any(fnmatchcase(name, pattern) for pattern in patterns) for name in stems])
    if patterns and not held.any():
        raise UserError(f"data.holdout must match the names of some images, but {list(patterns)} matches none in {root}.")
    if patterns and (part_of == "test").any():
        raise UserError(
            f"The test part is given once, but {root} has a test folder and data.holdout is set; set data.holdout=null."
        )
    part_of = np.where(held, "test", part_of)
    if (part_of == "train").all():
        return samples, None, None
    parts = {str(part): samples.select(np.flatnonzero(part_of == part)) for part in np.unique(part_of)}
    if "train" not in parts:
        raise UserError(f"Something must be left to train on, but data.holdout={list(patterns)} takes every image in {root}.")
    return parts["train"], parts.get("val"), parts.get("test")
