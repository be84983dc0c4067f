"""Hint that samples form groups, such as scenes or patients, where folders or names suggest it."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import numpy as np

from convsweep.data.groups import FOLDER
from convsweep.data.samples import Array

# A file name of a group with a number and a number within it: 0001TP_006690, patient7-03. Numbers
# of one or two digits alone are often classes, four digits years.
NAME = re.compile(r"(?=[^_-]*\d)(?!(?:\d{1,2}|(?:19|20)\d\d)[_-])([^_-]+)[_-].*\d")
# The same as a pattern of the path.
PATTERN = "([^/_-]+)[_-][^/]*$"
FEWEST_GROUPS, FEWEST_SAMPLES = 3, 3


def hint_of_groups(
    names: Sequence[str], folder_of: Callable[[str], str], strata: Array | None
) -> str | None:
    """Return a line that suggests a value of `data.group`, None if nothing suggests groups.

    All samples must be files, in three groups or more of three files or more on average, few of
    them alone; and the groups must not be the classes.

    Args:
        names: of the samples.
        folder_of: returns the folder of a sample, by its name.
        strata: (N,) labels, or None.
    """
    files = [PurePosixPath(name) for name in names]
    if not all(file.suffix for file in files):
        return None
    folders = [folder_of(name) for name in names]
    if all(folders) and _are_groups(folders, strata):
        return _words(names, folders, FOLDER)
    found = [NAME.match(file.stem) for file in files]
    starts = [match[1] for match in found if match]
    if len(starts) == len(names) and _are_groups(starts, strata):
        return _words(names, starts, f"'{PATTERN}'")
    return None


def _are_groups(groups: Sequence[str], strata: Array | None) -> bool:
    counts = Counter(groups)
    alone = sum(count == 1 for count in counts.values())
    if not FEWEST_GROUPS <= len(counts) <= len(groups) / FEWEST_SAMPLES:
        return False
    if alone > len(groups) / 5:
        return False
    labels = [] if strata is None else np.asarray(strata).tolist()
    # names that hold the class: one group for each
    return not labels or len(set(zip(groups, labels, strict=True))) > len(set(labels))


def _words(names: Sequence[str], groups: Sequence[str], option: str) -> str:
    ((first, _count),) = Counter(groups).most_common(1)
    shown = [name for name, group in zip(names, groups, strict=True) if group == first][:2]
    return (
        f"{' and '.join(shown)} may show the same: if files of one"
        f" {'folder' if option == FOLDER else 'beginning'} are of one patient, scene or speaker,"
        f" data.group={option} keeps them in one part"
    )
