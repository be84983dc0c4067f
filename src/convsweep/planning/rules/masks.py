"""Rules about the classes of masks, by the values in their files."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from convsweep.data.files.decoding import num_readers
from convsweep.data.files.folders import files_below, is_image
from convsweep.data.files.nifti import import_nibabel, stem
from convsweep.planning.decisions import Decisions

# The value of masks that usually means no class (PASCAL VOC, Cityscapes).
VOID = 255
# Masks that are looked at, evenly spaced.
MOST = 500


def decide_classes(decisions: Decisions, data: dict[str, Any], root: Path) -> None:
    """Decide coding and number of classes of masks if the config does not say.

    Args:
        data: config of the data.
        root: its folder.
    """
    settled = ("class_names", "num_classes", "palette")
    if "masks" not in data or any(data.get(key) is not None for key in settled):
        return
    if data.get("coding", "index") != "index" or decisions.given.has("data.coding"):
        return
    files = mask_files(root, str(data["masks"]))
    values = values_of(files)
    if not values:
        return
    said = f"the masks hold {', '.join(map(str, values[:6]))}{', ...' if len(values) > 6 else ''}"
    if "coding" in data and values in ([0, 255], [0, 1]):
        decisions.decide("data.coding", "binary", said)
        return
    if VOID in values and len(values) > 2 and values[-2] < VOID - 1:
        decisions.decide("data.ignore_index", VOID, f"{said}; {VOID} usually is no class")
        values = values[:-1]
    count = max(2, values[-1] + 1)
    decisions.decide("data.num_classes", count, f"{said}; name them by data.class_names")


def mask_files(root: Path, masks: str) -> list[Path]:
    """Return the mask files below the folders of this name, at most `MOST`, evenly spaced."""
    folders = [root / masks, *sorted(root.glob(f"*/{masks}"))]
    found = [
        file
        for folder in folders
        if folder.is_dir()
        for file in files_below(folder, lambda file: is_image(file) or stem(file) is not None)
    ]
    return found[:: max(1, -(-len(found) // MOST))]


def values_of(files: Iterable[Path]) -> list[int]:
    """Return the values in masks, in ascending order; empty if one is not of whole numbers of one
    channel, or unreadable, which reading it reports.
    """
    with ThreadPoolExecutor(num_readers()) as pool:
        each = list(pool.map(values_of_one, files))
    if any(values is None for values in each):
        return []
    return sorted(set().union(*(values for values in each if values is not None)))


def values_of_one(file: Path) -> set[int] | None:
    """Return the values in a mask; None if it has several channels, fractions, or is unreadable."""
    from PIL import Image

    try:
        if stem(file) is not None:
            array = np.asanyarray(import_nibabel().load(file).dataobj)
        else:
            with Image.open(file) as image:
                array = np.asarray(image)
    except (OSError, ValueError, SyntaxError):
        return None
    found = np.unique(array)
    is_whole = bool(np.isfinite(found).all() and (found == np.round(found)).all())
    if (array.ndim != 2 and stem(file) is None) or not is_whole or found[0] < 0:
        return None
    return {int(value) for value in found}
