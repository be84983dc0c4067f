"""Mean, standard deviation and counts equal numpy's on the whole array, for any chunks."""

from pathlib import Path

import numpy as np
import pytest

from convsweep.data import statistics
from convsweep.data.samples import Rows
from convsweep.data.sources.digits import Digits
from convsweep.data.statistics import count_classes, mean_and_std


@pytest.fixture(params=[64, 32 * 2**20])
def chunk_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(statistics, "CHUNK_BYTES", request.param)
    return int(request.param)


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize("shape", [(9, 2, 5), (9, 3, 4, 5), (9, 1, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_mean_and_std_are_numpys(shape: tuple[int, ...], dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    axes = (0, *range(2, len(shape)))
    mean, std = mean_and_std(x)
    np.testing.assert_allclose(mean, x.mean(axis=axes, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(std, x.std(axis=axes, dtype=np.float64), rtol=1e-6)
    assert mean.dtype == std.dtype == np.float32


@pytest.mark.usefixtures("chunk_bytes")
def test_a_large_offset_does_not_drown_the_spread() -> None:
    x = (np.random.default_rng(0).normal(0, 1, (1000, 1, 8)) + 1e4).astype(np.float32)
    assert mean_and_std(x)[1][0] == pytest.approx(x.std(dtype=np.float64), rel=1e-4)


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    x = np.stack(
        [np.full((5, 4), 0.1, np.float32), np.arange(20, dtype=np.float32).reshape(5, 4)], axis=1
    )
    assert mean_and_std(x)[1][0] == 1.0


def test_chosen_rows_of_a_file_count_as_they_would_in_memory(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), np.uint8)
    np.save(tmp_path / "x.npy", x)
    rows = np.array([3, 5, 19])
    assert mean_and_std(Rows(np.load(tmp_path / "x.npy", mmap_mode="r"), rows)) == mean_and_std(
        x[rows]
    )


@pytest.mark.usefixtures("chunk_bytes")
@pytest.mark.parametrize(("dtype", "ignored"), [("uint8", 255), ("int16", -1), ("int64", 9)])
def test_class_counts_leave_out_what_is_no_class(dtype: str, ignored: int) -> None:
    y = np.array([[0, 1, ignored], [2, 1, 1]], dtype)
    assert count_classes(y, 3).tolist() == [1, 3, 1]


def test_digits_are_normalised_by_their_training_part_only() -> None:
    data = Digits(batch_size=8)
    assert data.mean[0] == pytest.approx(np.asarray(data.train.x).mean(dtype=np.float64))
    assert data.class_counts.tolist() == np.bincount(data.train.y).tolist()
