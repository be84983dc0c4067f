"""The values in the files of masks: which there are, and how many positions hold each."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below, is_image
from convsweep.data.files.nifti import import_nibabel, stem
from convsweep.planning.look.image_files import folders_named

# Masks that are looked at, evenly spaced.
MOST_MASKS = 500
# Values that are listed.
MOST_LISTED = 8

# A number, or the red, green and blue of a coloured mask.
Value = int | tuple[int, int, int]


@dataclass(frozen=True)
class Legend:
    """The values in masks.

    Args:
        counts: positions that hold each value, in ascending order of the values.
        num_masks: how many masks were read.
    """

    counts: dict[Value, int]
    num_masks: int

    @property
    def values(self) -> list[Value]:
        """The values in ascending order."""
        return list(self.counts)

    def share(self, values: Sequence[Value]) -> float:
        """Return the share of the positions that hold one of these values."""
        return sum(self.counts[value] for value in values) / sum(self.counts.values())

    @property
    def text(self) -> str:
        """The most frequent values with the positions that hold them."""
        often = sorted(self.counts, key=lambda value: -self.counts[value])
        listed = [
            f"{word_of(value)} in {self.counts[value]:,} positions ({self.share([value]):.1%})"
            for value in often[:MOST_LISTED]
        ]
        more = len(often) - MOST_LISTED
        return ", ".join(listed) + (f" and {more} other values" if more > 0 else "")


def word_of(value: Value) -> str:
    """Return a value as text."""
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)


def legend_of(root: Path, masks: str) -> Legend | None:
    """Return the values in the masks below the folders of this name; None if there are none, or if
    one is unreadable or holds fractions, which reading it reports.

    Args:
        root: folder of the data.
        masks: name of the folders of masks, in the root or in folders of it.
    """
    files = mask_files(root, masks)
    with ThreadPoolExecutor(num_readers()) as pool:
        each = list(pool.map(values_of, files))
    total: Counter[Value] = Counter()
    for counts in each:
        if counts is None:
            return None
        total.update(counts)
    is_colored = any(isinstance(value, tuple) for value in total)
    if not total or (is_colored and not all(isinstance(value, tuple) for value in total)):
        return None
    ordered: list[Any] = sorted(total)
    return Legend({value: total[value] for value in ordered}, len(files))


def mask_files(root: Path, masks: str) -> list[Path]:
    """Return the mask files below the folders of this name, at most `MOST_MASKS`, evenly spaced."""
    found = [
        file
        for folder in folders_named(root, masks)
        for file in files_below(folder, lambda file: is_image(file) or stem(file) is not None)
    ]
    return found[:: max(1, -(-len(found) // MOST_MASKS))]


def values_of(file: Path) -> dict[Value, int] | None:
    """Return how many positions of a mask hold each value; None if it is unreadable, or holds
    fractions or negative numbers.
    """
    from PIL import Image

    try:
        if stem(file) is not None:
            array = np.asanyarray(import_nibabel().load(file).dataobj)
        else:
            with Image.open(file) as image:
                array = np.asarray(image)
    except (OSError, EOFError, ValueError, SyntaxError):
        return None
    if stem(file) is None and array.ndim == 3:
        array = array[..., :3] if array.shape[2] >= 3 else array[..., 0]
        if array.ndim == 3 and (array != array[..., :1]).any():
            colors, counts = np.unique(array.reshape(-1, 3), axis=0, return_counts=True)
            return {
                (int(red), int(green), int(blue)): int(count)
                for (red, green, blue), count in zip(colors, counts, strict=True)
            }
        array = array if array.ndim == 2 else array[..., 0]
    found, counts = np.unique(array, return_counts=True)
    if not np.isfinite(found).all() or (found != np.round(found)).any() or found[0] < 0:
        return None
    return {int(value): int(count) for value, count in zip(found, counts, strict=True)}
