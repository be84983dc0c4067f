"""Generated data sets: sizes of the parts, a random generator for each sample, and targets that
follow from masks.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import PARTS
from convsweep.errors import UserError, did_you_mean
from convsweep.task import MULTI_LABEL, REGRESSION, SEGMENTATION


def part_sizes(num_train: int, num_val: int, num_test: int) -> dict[str, int]:
    """Return the number of samples of each part.

    Raises:
        UserError: a part would be empty.
    """
    if min(num_train, num_val, num_test) < 1:
        raise UserError(
            f"data.num_train, num_val and num_test must be at least 1, but are {num_train},"
            f" {num_val} and {num_test}."
        )
    return dict(zip(PARTS, (num_train, num_val, num_test), strict=True))


def draws(seed: int, part: str, count: int) -> Iterator[np.random.Generator]:
    """Yield a random generator for each sample of a part; generator i does not depend on the number
    of samples.
    """
    for number in range(count):
        yield np.random.default_rng((seed, PARTS.index(part), number))


# Numbers of a scene or volume, which follow from its mask: how much of it is no background, and of
# how many classes.
NUMBERS = ("covered_percent", "num_kinds")


def check_task(task: str, known: Sequence[str]) -> None:
    """Raise UserError unless a source draws targets for a task."""
    if task not in known:
        raise UserError(
            f"data.task must be one that this data is drawn for, but is {task!r};"
            f" {did_you_mean(task, known)}"
        )


def target_names(task: str, class_names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the classes of masks, background first, or of what follows from them."""
    if task == MULTI_LABEL:
        return class_names[1:]
    return NUMBERS if task == REGRESSION else class_names


def targets_of(task: str, masks: NDArray[np.uint8], num_classes: int) -> NDArray[Any]:
    """Return the masks themselves, or what follows from them for a task.

    Shape:
        masks: (N, *spatial) -> the same, or float32 (N, numbers or labels)
    """
    if task == SEGMENTATION:
        return masks
    flat = masks.reshape(len(masks), -1)
    present = np.stack([(flat == label).any(axis=1) for label in range(1, num_classes)], axis=1)
    if task == MULTI_LABEL:
        return present.astype(np.float32)
    numbers = [100 * (flat > 0).mean(axis=1), present.sum(axis=1)]
    return np.stack(numbers, axis=1).astype(np.float32)
