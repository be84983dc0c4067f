"""Arrays in .npy and .npz files, for networks of one, two and three spatial axes."""

from pathlib import Path

import numpy as np
import pytest
import torch

from convsweep.training.build import load_model
from tests.checkpoints import Command, arrays_checkpoint
from tests.inference.predict.test_classes import probs, rows

SHAPES = {1: (2, 20), 2: (2, 8, 9), 3: (1, 6, 7, 8)}


def expected_of(net: Path, x: np.ndarray) -> np.ndarray:
    return load_model(net).predict_batch(torch.from_numpy(x))["probs"].numpy()


@pytest.mark.parametrize("dim", SHAPES)
def test_samples_of_any_number_of_axes(run: Command, tmp_path: Path, dim: int) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", SHAPES[dim], "model.net.num_stages=2")
    x = np.load("net.npz")["x"]
    np.save("one.npy", x[3])
    np.save("many.npy", x[:4])
    assert run(net, "net.npz", "one.npy", "many.npy") == 0
    found = rows(Path("predictions"))
    np.testing.assert_allclose(
        probs(found), expected_of(net, np.concatenate([x, x[3:4], x[:4]])), atol=2e-6
    )
    assert [row["sample"] for row in found[11:15]] == [
        "net.npz[11]",
        "one.npy",
        "many.npy[0]",
        "many.npy[1]",
    ]


def test_channels_lie_where_training_had_them(run: Command, tmp_path: Path) -> None:
    net = arrays_checkpoint(
        tmp_path / "net.ckpt", (8, 9, 2), "data.channels=last", "model.net.num_stages=2"
    )
    x = np.load("net.npz")["x"]
    assert run(net, "net.npz") == 0
    np.testing.assert_allclose(
        probs(rows(Path("predictions"))), expected_of(net, np.moveaxis(x, -1, 1).copy()), atol=2e-6
    )


@pytest.mark.parametrize("dim", SHAPES)
def test_masks_of_arrays_are_arrays(run: Command, tmp_path: Path, dim: int) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", SHAPES[dim], masks=True)
    x = np.load("net.npz")["x"]
    np.save("one.npy", x[3])
    assert run(net, "net.npz", "one.npy") == 0
    expected = expected_of(net, x).argmax(1)
    np.testing.assert_array_equal(np.load("predictions/masks/net.npy"), expected)
    np.testing.assert_array_equal(np.load("predictions/masks/one.npy"), expected[3])


def test_longer_signals_are_seen_through_windows(run: Command, tmp_path: Path) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", (2, 20), masks=True)
    np.save("long.npy", np.random.default_rng(0).normal(5, 2, (2, 71)))
    assert run(net, "long.npy") == 0
    assert np.load("predictions/masks/long.npy").shape == (71,)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((3, 20), np.float32), "one sample is (2, 20)"),
        (np.zeros((4, 2, 21), np.float32), "cut or resample it"),
        (np.full((2, 20), np.nan, np.float32), "NaN or infinity in sample 0"),
        (np.array(["a", "b"]), "save it as uint8 or float32"),
    ],
)
def test_array_that_is_nothing_for_the_network(
    run: Command, tmp_path: Path, x: np.ndarray, message: str
) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", (2, 20), "model.net.num_stages=2")
    np.save("wrong.npy", x)
    assert run(net, "wrong.npy") == 1
    assert message in run.err
    assert "Traceback" not in run.err
