"""Time series of the archive, from files written here as the archive writes its own."""

from pathlib import Path

import numpy as np
import pytest

from convsweep.data.files.series import read_series
from convsweep.data.sources.ucr import UCR
from convsweep.errors import UserError

TS = """# a comment
@problemName Toy
@timeStamps false
@classLabel true walk run
@data
1,2,3:4,5,6:walk
7,?,9,10:1,1:run
"""


def write_tsv(
    root: Path, train: str = "1\t0.5\t1.5\n2\t2.5\t3.5\n", test: str = "2\t1\t2\n1\t3\t4\n1\t5\t6\n"
) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "Toy_TRAIN.tsv").write_text(train)
    (root / "Toy_TEST.tsv").write_text(test)
    return root


def test_tsv_files_give_series_labels_and_parts(tmp_path: Path) -> None:
    for root in (write_tsv(tmp_path / "archive" / "Toy").parent, write_tsv(tmp_path / "flat")):
        data = UCR("Toy", str(root), batch_size=2, val_fraction=None)
        assert (data.info.in_shape, data.info.class_names) == ((1, 2), ("1", "2"))
        assert data.test is not None
        assert data.train.x.tolist() == [[[0.5, 1.5]], [[2.5, 3.5]]]
        assert (data.train.y.tolist(), data.test.y.tolist()) == ([0, 1], [1, 0, 0])
        assert data.val is data.train


def test_ts_file_has_channels_gaps_and_lengths_of_its_own(tmp_path: Path) -> None:
    for part in ("TRAIN", "TEST"):
        (tmp_path / f"Toy_{part}.ts").write_text(TS)
    data = UCR("Toy", str(tmp_path), batch_size=2, val_fraction=None)
    assert (data.info.in_shape, data.info.class_names) == ((2, 4), ("run", "walk"))
    x = data.train.x
    assert x[0].tolist() == [[1, 2, 3, 0], [4, 5, 6, 0]]  # zeros after the shorter series
    # a line across the gap, the last value held
    assert x[1].tolist() == [[7, 8, 9, 10], [1, 1, 1, 1]]
    assert data.train.y.tolist() == [1, 0]


def test_npz_is_read_as_it_is_kept_by_others(tmp_path: Path) -> None:
    x = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
    x[1, :, 3] = np.nan
    np.savez(
        tmp_path / "Toy.npz",
        X_train=x,
        y_train=np.array([-1, 1]),
        X_test=x,
        y_test=np.array([1, 1]),
    )
    data = UCR("Toy", str(tmp_path), batch_size=2, val_fraction=None)
    assert (data.info.in_shape, data.info.class_names) == ((3, 4), ("-1", "1"))
    assert data.train.x[1, 0].tolist() == [12, 13, 14, 0]


def test_classes_are_in_order_of_numbers_and_of_both_parts(tmp_path: Path) -> None:
    root = write_tsv(tmp_path, "10\t1\t1\n9\t2\t2\n", "2.0\t1\t1\n1.0000000e+01\t1\t1\n")
    data = UCR("Toy", str(root), batch_size=2, val_fraction=None)
    assert data.info.class_names == ("2", "9", "10")
    assert data.train.y.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("", "holds none"),
        ("1\t2\tx\n", "Toy_TRAIN.tsv, line 1: .*could not convert"),
        ("1\t2\t3\n\n2\tNaN\tNaN\n", "line 3: every channel must have a value"),
    ],
)
def test_broken_file_is_named_with_its_line(train: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        UCR("Toy", str(write_tsv(tmp_path, train)), batch_size=2).info  # noqa: B018


def test_series_of_a_file_have_as_many_channels(tmp_path: Path) -> None:
    file = tmp_path / "Toy_TRAIN.ts"
    file.write_text("@data\n1,2:3,4:a\n1,2:b\n")
    with pytest.raises(UserError, match=r"as many channels, but those of .* have \[1, 2\]"):
        read_series(file)
    file.write_text("@timeStamps true\n@data\n(1,2):a\n")
    with pytest.raises(UserError, match="no time stamps"):
        read_series(file)


def test_missing_set_is_named_with_the_nearest(tmp_path: Path) -> None:
    root = write_tsv(tmp_path)
    with pytest.raises(UserError, match=r"must hold Tyo_TRAIN.tsv .* did you mean 'Toy'"):
        UCR("Tyo", str(root), batch_size=2).info  # noqa: B018
    with pytest.raises(UserError, match="timeseriesclassification"):
        UCR("Toy", str(tmp_path / "nowhere"), batch_size=2).info  # noqa: B018


def test_published_sets(shared: Path) -> None:
    shapes = {
        "ECG200": ((1, 96), 2, 100),
        "GunPoint": ((1, 150), 2, 150),
        "JapaneseVowels": ((12, 29), 9, 370),
    }
    for name, expected in shapes.items():
        data = UCR(name, str(shared / "ucr"), batch_size=16, val_fraction=None)
        assert data.test is not None
        assert (data.info.in_shape, data.info.num_classes, len(data.test)) == expected
