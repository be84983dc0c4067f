"""Arrays of any dimension, with channels anywhere, labelled by numbers or words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convsweep.data.samples import Rows
from convsweep.data.sources.arrays import Arrays
from convsweep.errors import UserError

RNG = np.random.default_rng(0)


def saved(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "set.npz", **arrays)
    return str(folder / "set.npz")


@pytest.mark.parametrize("spatial", [(9,), (6, 7), (4, 5, 6)])
@pytest.mark.parametrize("channels", ["first", "last", "none"])
def test_channels_come_first(tmp_path: Path, spatial: tuple[int, ...], channels: Any) -> None:
    x = RNG.integers(0, 256, (30, 2, *spatial), np.uint8)
    stored = {"first": x, "last": np.moveaxis(x, 1, -1), "none": x[:, 0]}[channels]
    data = Arrays(
        saved(tmp_path, x=stored, y=np.arange(30) % 3),
        channels=channels,
        batch_size=4,
        test_fraction=None,
    )
    expected = x[:, :1] if channels == "none" else x
    assert data.info.in_shape == expected.shape[1:]
    for name, sample in zip(data.train.names, data.train.x, strict=True):
        assert np.array_equal(sample, expected[int(name.split("/")[1])])


@pytest.mark.parametrize("spatial", [(9,), (6, 7), (4, 5, 6)])
def test_masks_have_as_many_axes_as_samples(tmp_path: Path, spatial: tuple[int, ...]) -> None:
    path = saved(
        tmp_path, x=RNG.normal(size=(20, 1, *spatial)), y=RNG.integers(0, 3, (20, 1, *spatial))
    )
    data = Arrays(path, task="segmentation", batch_size=4)
    x, y = next(iter(data.train_dataloader()))
    assert (x.shape[1:], y.shape[1:], data.info.num_classes) == ((1, *spatial), spatial, 3)
    assert data.train.x.dtype == np.float32
    assert data.train.y.dtype == np.uint8


def test_parts_are_found_by_their_keys(tmp_path: Path) -> None:
    x, y = RNG.normal(size=(10, 5)), np.arange(10) % 2
    data = Arrays(
        saved(tmp_path, X_train=x, y_train=y, X_test=x[:4], y_test=y[:4], x_val=x[:3], y_val=y[:3]),
        channels="none",
        batch_size=2,
    )
    assert [len(part) for part in data.ready() if part is not None] == [10, 3, 4]


@pytest.mark.parametrize("labels", [["b", "c", "a"], [-1, 1, 7]])
def test_any_labels_become_classes_in_order(tmp_path: Path, labels: list[Any]) -> None:
    data = Arrays(
        saved(tmp_path, x=np.zeros((30, 1, 4)), y=np.array(labels * 10)),
        relabel="sorted",
        batch_size=4,
    )
    assert data.info.class_names == tuple(str(label) for label in sorted(labels))
    assert [labels[int(name.split("/")[1]) % 3] for name in data.train.names] == [
        sorted(labels)[label] for label in data.train.y
    ]


def test_a_folder_of_npy_files_stays_on_disk(tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (40, 3, 8, 8), np.uint8)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(40) % 4)
    data = Arrays(str(tmp_path), batch_size=4)
    assert isinstance(data.train.x, Rows)
    images, labels = next(iter(data.val_dataloader()))
    rows = [int(name.split("/")[1]) for name in data.val.names[: len(labels)]]
    assert np.array_equal(images.numpy(), x[rows])


@pytest.mark.parametrize("channels", ["first", "last"])
def test_workers_read_a_memory_map_as_this_process_does(tmp_path: Path, channels: Any) -> None:
    np.save(tmp_path / "x.npy", RNG.integers(0, 256, (40, 3, 8, 3), np.uint8))
    np.save(tmp_path / "y.npy", np.arange(40) % 4)
    loaders = [
        Arrays(str(tmp_path), channels=channels, num_workers=n, batch_size=10).train_dataloader()
        for n in (0, 1)
    ]
    for (one, _), (two, _) in zip(*loaders, strict=True):
        assert one.equal(two)
        assert one.is_contiguous()


def test_describing_reads_no_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, x=np.zeros((10, 1, 4)), y=np.arange(10) % 2)
    original, read = np.lib.npyio.NpzFile.__getitem__, []
    monkeypatch.setattr(
        np.lib.npyio.NpzFile,
        "__getitem__",
        lambda self, key: read.append(key) or original(self, key),
    )
    assert Arrays(path, batch_size=2).info.in_shape == (1, 4)
    assert read == ["y"]


X, Y = np.zeros((20, 1, 4), np.float32), np.arange(20) % 2


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({"x": X}, {}, "holds only x; add the other"),
        ({"a": X, "b": Y}, {}, r"must be named x and y, .* holds a, b"),
        ({"x": X, "y": Y[:-1]}, {}, "equal length, but train has 20 x, 19 y"),
        ({"x": X, "y": Y + 0.5}, {}, "whole numbers, but y of .* holds 0.5"),
        ({"x": X, "y": Y.astype(str)}, {}, "set data.relabel=sorted for words"),
        ({"x": X, "y": Y - 1}, {}, "must be two or more"),
        ({"x": X, "y": Y * 2 - 1}, {}, "holds -1 in train/0"),
        ({"x": X, "y": Y + 3}, {"num_classes": 2}, "0 to 1, but train holds 3, 4 in"),
        ({"x": X * np.nan, "y": Y}, {}, "NaN or infinity in train/0, train/1, train/2 and 17 more"),
        ({"x": X[:, 0], "y": Y}, {}, "3 axes or more at data.channels=first"),
        ({"x": X.astype(str), "y": Y}, {}, "x must hold numbers"),
        (
            {"x": X, "y": Y},
            {"task": "segmentation"},
            r"y must have the shape \(4,\) per sample for segmentation",
        ),
        (
            {"x": X, "y": Y},
            {"class_names": ["a", "b"], "num_classes": 3},
            "data.num_classes is 3 and data.class_names has 2",
        ),
    ],
)
def test_arrays_that_break_a_rule_are_named(
    tmp_path: Path, arrays: Any, options: Any, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Arrays(saved(tmp_path, **arrays), batch_size=2, **options).setup()


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is nothing at"):
        Arrays(str(tmp_path / "no.npz"), batch_size=2).setup()
    with pytest.raises(UserError, match=r"holds no \.npy file"):
        Arrays(str(tmp_path), batch_size=2).setup()
    path = Path(saved(tmp_path, x=X, y=Y))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UserError, match=r"written by numpy\.save .*set\.npz cannot be read"):
        Arrays(str(path), batch_size=2).setup()
    with pytest.raises(UserError, match="cannot be read"):
        Arrays(saved(tmp_path, x=X, y=np.array([{}] * 20)), batch_size=2).setup()


@pytest.mark.parametrize("labels", [[1, 2, 3], [0, 2, 4]])
def test_labels_with_a_gap_are_refused_with_two_ways_out(tmp_path: Path, labels: list[int]) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "gap.npz"
    np.savez(path, x=rng.integers(0, 256, (60, 1, 8, 8), np.uint8), y=np.tile(labels, 20))
    with pytest.raises(
        UserError, match=r"without a gap, but .* has none of .*data\.relabel=sorted"
    ):
        _ = Arrays(str(path), batch_size=8).info
    assert Arrays(str(path), relabel="sorted", batch_size=8).info.num_classes == 3
    assert Arrays(str(path), num_classes=5, batch_size=8).info.num_classes == 5


@pytest.mark.parametrize("channels", ["first", "last"])
def test_targets_that_are_no_classes_are_numbers_with_channels_where_x_has_them(
    tmp_path: Path, channels: Any
) -> None:
    clean = np.random.default_rng(0).normal(size=(20, 2, 8))
    stored = clean if channels == "first" else np.moveaxis(clean, 1, -1)
    np.savez(tmp_path / "a.npz", x=(stored + 1).astype(np.float32), y=stored)
    data = Arrays(
        str(tmp_path / "a.npz"),
        task="denoising",
        channels=channels,
        val_fraction=None,
        test_fraction=None,
    )
    assert (data.info.in_shape, data.info.num_classes) == ((2, 8), 2)
    np.testing.assert_array_equal(data.train.y, clean.astype(np.float32))
    np.testing.assert_allclose(data.train.x, np.asarray(data.train.y) + 1, atol=1e-6)
