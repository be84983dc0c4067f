"""Faults of a data set other than duplicates: files unlike the rest, classes too small."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.samples import DataInfo, Samples
from convsweep.data.statistics import chunks
from convsweep.planning.look.everything import Fault
from convsweep.planning.look.image_files import ImageFile, most_common

# Standard deviations (by the median absolute deviation) from the median, and share of the range,
# from which the brightness of a sample is unlike the rest.
FAR, FAR_SHARE = 8.0, 0.1
FEW_IN_CLASS = 5


def find_strange_brightness(
    means: NDArray[np.float64], deviations: NDArray[np.float64], names: Sequence[str]
) -> list[Fault]:
    """Return faults of samples whose brightness is far from the rest's, or that are constant."""
    median = float(np.median(means))
    spread = 1.4826 * float(np.median(np.abs(means - median)))
    reach = float(means.max() - means.min())
    far = np.abs(means - median) > max(FAR * spread, FAR_SHARE * reach)
    faults = []
    if spread > 0 and 0 < far.sum() <= max(1, len(names) // 50):
        found = np.flatnonzero(far).tolist()
        bad = [f"{names[i]} (mean {means[i]:.3g})" for i in found]
        samples = count_of(len(bad), "sample")
        text = f"{samples} of other brightness than the rest (median {median:.3g}): {examples(bad)}"
        faults.append(Fault("brightness", text, [names[i] for i in found]))
    flat = [names[i] for i in np.flatnonzero(deviations == 0).tolist()]
    if flat:
        faults.append(
            Fault(
                "constant",
                f"{count_of(len(flat), 'sample')} of one value only: {examples(flat)}",
                flat,
            )
        )
    return faults


def find_strange_files(headers: Sequence[ImageFile]) -> list[Fault]:
    """Return faults of image files of another size or colour than most."""
    faults: list[Fault] = []
    for kind, values in (
        ("size", [header.size for header in headers]),
        ("colour", [header.color for header in headers]),
    ):
        usual = most_common(values) if values else None
        odd = [i for i, value in enumerate(values) if value != usual]
        # where sizes differ everywhere, no file is unlike the rest
        if not odd or len(odd) > len(headers) // 10:
            continue
        shown = [f"{headers[i].name} ({word_of(values[i])})" for i in odd]
        files = count_of(len(odd), "file")
        text = f"{files} of another {kind} than the rest ({word_of(usual)}): {examples(shown)}"
        faults.append(Fault(kind, text, [headers[i].name for i in odd]))
    return faults


def word_of(value: object) -> str:
    """Return a size or a colour as text."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def find_small_classes(counts: Sequence[int], class_names: Sequence[str]) -> list[Fault]:
    """Return a fault of the classes that have too few samples for every part of a split."""
    small = [i for i, count in enumerate(counts) if count < FEW_IN_CLASS]
    if not small:
        return []
    shown = [f"{class_names[i]} ({counts[i]})" for i in small]
    classes = count_of(len(small), "class", "classes")
    text = f"{classes} of fewer than {FEW_IN_CLASS} samples, too few to judge: "
    return [Fault("small classes", text + examples(shown), [class_names[i] for i in small])]


def find_empty_masks(parts: Sequence[Samples | None], info: DataInfo) -> list[Fault]:
    """Return a fault of the masks that hold one class only."""
    empty = []
    for part in parts:
        if part is not None:
            numbers = (
                number
                for number, y in enumerate(one for chunk in chunks(part.y) for one in chunk)
                if y.min() == y.max()
            )
            empty += [part.names[number] for number in numbers]
    if not empty:
        return []
    return [
        Fault(
            "masks of one class",
            f"{count_of(len(empty), 'mask')} of one class only: {examples(empty)}",
            empty,
        )
    ]


def count_of(count: int, one: str, several: str = "") -> str:
    """Return a number with its noun."""
    return f"{count:,} {one if count == 1 else several or one + 's'}"
