"""Generated data sets: sizes of the parts, and a random generator for each sample."""

from collections.abc import Iterator

import numpy as np

from convsweep.data.samples import PARTS
from convsweep.errors import UserError


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
