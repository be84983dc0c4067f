"""Conversion of labels (numbers or words) to class indices."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from convsweep.errors import UserError

Relabel = Literal["none", "sorted"]


def whole_numbers(values: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Return labels as integers.

    Args:
        where: file and array, for the message.

    Raises:
        UserError: if they are no numbers, or not whole.
    """
    if values.dtype.kind not in "biuf":
        raise UserError(
            f"Labels must be whole numbers, but {where} holds {values.dtype}; set"
            " data.relabel=sorted for words."
        )
    whole = np.asarray(values)
    if whole.dtype.kind == "f" and not np.array_equal(whole, np.round(whole)):
        first = whole[whole != np.round(whole)][0]
        raise UserError(
            f"Labels must be whole numbers, but {where} holds {first}; round them, or check that x"
            " and y are not swapped."
        )
    return whole.astype(np.int64)


def outside(labels: NDArray[Any], num_classes: int, ignore_index: int | None) -> NDArray[np.bool_]:
    """Return a mask of labels that are neither a class nor the ignore index."""
    wrong = (labels >= num_classes) | (labels < 0)
    return np.asarray(wrong if ignore_index is None else wrong & (labels != ignore_index))


def mask_dtype(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Return a mask in the smallest dtype that holds it, uint8 or int16.

    Raises:
        UserError: if a value fits neither.
    """
    if values.dtype in (np.uint8, np.int16):
        return values
    lowest, highest = (int(values.min()), int(values.max())) if values.size else (0, 0)
    if lowest < -(2**15) or highest >= 2**15:
        raise UserError(
            f"Mask values must lie between -32768 and 32767, but {where} holds {lowest} to"
            f" {highest}."
        )
    return values.astype(np.uint8 if lowest >= 0 and highest < 2**8 else np.int16)


def sorted_classes(labels: list[NDArray[Any]], ignore_index: int | None = None) -> list[Any]:
    """Return the distinct labels of all parts in ascending order, without the ignore index."""
    found = np.unique(np.concatenate([np.unique(part) for part in labels]))
    return [value for value in found.tolist() if value != ignore_index]


def relabel_values(
    labels: NDArray[Any], classes: list[Any], ignore_index: int | None = None
) -> NDArray[np.int64]:
    """Return the index of each label in `classes`; the ignore index is kept."""
    places = np.searchsorted(np.asarray(classes), labels).astype(np.int64)
    return (
        places if ignore_index is None else np.where(labels == ignore_index, ignore_index, places)
    )
