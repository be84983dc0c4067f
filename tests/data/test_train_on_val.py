"""A last training has all samples that are not test, from wherever the validation part came."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsweep.data.datamodule import DataModule
from convsweep.data.loading.array_types import Ragged
from convsweep.data.samples import Rows, join_arrays
from convsweep.data.sources.digits import Digits
from convsweep.data.sources.scenes import Scenes


@pytest.mark.parametrize(
    ("source", "options"),
    [(Digits, {}), (Digits, {"num_folds": 3, "fold": 1}), (Scenes, {"num_train": 8})],
    ids=["fraction", "fold", "own part"],
)
def test_train_and_validation_samples_are_trained_on(
    source: type[DataModule], options: dict[str, Any]
) -> None:
    single = source(batch_size=8, **options)
    whole = source(batch_size=8, train_on_val=True, **options)
    assert whole.train.names == [*single.train.names, *single.val.names]
    assert np.array_equal(whole.train.y[len(single.train) :], single.val.y[:])
    assert whole.val.names == single.val.names
    assert single.test is not None
    assert whole.test is not None
    assert whole.test.names == single.test.names
    assert whole.class_counts.sum() > single.class_counts.sum()


def test_arrays_of_one_file_are_joined_by_index(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(12).reshape(6, 2))
    file = np.load(tmp_path / "x.npy", mmap_mode="r")
    joined = join_arrays(Rows(file, np.array([4, 0])), Rows(file, np.array([5])))
    assert isinstance(joined, Rows)
    assert np.asarray(joined).tolist() == [[8, 9], [0, 1], [10, 11]]
    again = np.load(tmp_path / "x.npy", mmap_mode="r")
    copied = join_arrays(Rows(file, np.array([1])), Rows(again, np.array([2])))
    assert np.asarray(copied).tolist() == [[2, 3], [4, 5]]


def test_arrays_of_several_sizes_are_joined() -> None:
    one = Ragged(np.arange(10), [(2, 2), (3,), (1,)])
    other = Ragged(np.arange(20, 26), [(2, 3)])
    copied = join_arrays(one, other)
    assert [each.tolist() for each in copied] == [
        *(each.tolist() for each in one),
        [[20, 21, 22], [23, 24, 25]],
    ]
    selected = join_arrays(one.select([2, 0]), one.select([1]))
    assert isinstance(selected, Ragged)
    assert selected.values is one.values
    assert [each.tolist() for each in selected] == [[7], [[0, 1], [2, 3]], [4, 5, 6]]
