"""The real sets, where they are at hand: read-only, in full, with the counts that their authors
publish.
"""

from pathlib import Path

import numpy as np

from convsweep.data.sources.arrays import Arrays
from convsweep.data.sources.mask_folder import MaskFolder
from convsweep.data.sources.mnist import FashionMNIST
from convsweep.data.sources.mnist1d import MNIST1D


def test_fashion_mnist(shared: Path) -> None:
    data = FashionMNIST(str(shared), batch_size=64)
    assert data.test is not None
    assert [len(data.train), len(data.val), len(data.test)] == [54_000, 6_000, 10_000]
    assert data.class_counts.tolist() == [5_400] * 10
    whole = np.concatenate([data.train.x[:], data.val.x[:]])
    assert round(float(whole.mean() / 255), 4) == 0.2860  # the mean that is usually quoted
    assert np.bincount(data.test.y).tolist() == [1_000] * 10


def test_mnist1d(shared: Path) -> None:
    data = MNIST1D(str(shared), batch_size=64, val_fraction=0.1)
    assert data.test is not None
    assert [len(data.train) + len(data.val), len(data.test)] == [4_000, 1_000]


def test_isbi2012_with_slices_held_out(shared: Path) -> None:
    data = MaskFolder(
        str(shared / "isbi2012"),
        images="image",
        masks="label",
        coding="binary",
        holdout="2[4-9]",
        val_fraction=0.125,
        batch_size=1,
    )
    assert data.test is not None
    assert (data.info.in_shape, len(data.train), len(data.val), len(data.test)) == (
        (1, 512, 512),
        21,
        3,
        6,
    )
    assert 0.7 < data.class_counts[1] / data.class_counts.sum() < 0.85


def test_ucr_archive_files(shared: Path) -> None:
    data = Arrays(str(shared / "ucr" / "JapaneseVowels.npz"), relabel="sorted", batch_size=8)
    assert data.test is not None
    assert (data.info.in_shape, data.info.num_classes, len(data.test)) == ((12, 29), 9, 370)
