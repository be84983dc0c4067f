"""Samples that are made when they are read, against the same in memory."""

import numpy as np
import pytest

from convsweep.data.loading.array_types import Made
from convsweep.data.samples import choose
from convsweep.data.statistics import mean_and_std

ROWS = np.random.default_rng(0).standard_normal((7, 2, 5)).astype(np.float32)


def made() -> Made:
    return Made(lambda row: ROWS[row], ROWS.shape, ROWS.dtype)


@pytest.mark.parametrize(
    "index", [3, -1, slice(2, 6), slice(None), np.array([4, 0, 4]), np.arange(7) > 4]
)
def test_any_index_reads_what_an_array_holds(index: object) -> None:
    assert np.array_equal(made()[index], ROWS[index])  # type: ignore[index]


def test_shape_size_and_statistics_are_those_of_the_array() -> None:
    rows = made()
    assert (len(rows), rows.shape, rows.ndim, rows.nbytes) == (7, (7, 2, 5), 3, ROWS.nbytes)
    assert np.array_equal(np.asarray(rows), ROWS)
    assert np.array_equal(choose(rows, np.array([5, 1])), ROWS[[5, 1]])
    for found, expected in zip(mean_and_std(rows), mean_and_std(ROWS), strict=True):
        assert np.array_equal(found, expected)


def test_a_row_that_is_not_there_is_an_error() -> None:
    with pytest.raises(IndexError):
        made()[7]
