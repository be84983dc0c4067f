"""The small data sets of the search benchmark."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from convsweep.data.sources.mnist import FashionMNIST
from convsweep.data.sources.mnist1d import MNIST1D

# Samples for training, validation and test.
SIZES = (2_000, 1_000, 1_000)


@dataclass(frozen=True)
class Split:
    """Samples (N, C, *spatial), normalised, and their labels (N,)."""

    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Data:
    """The parts of a data set."""

    train: Split
    val: Split
    test: Split


@cache
def load_data(name: str, root: str, sizes: tuple[int, int, int] = SIZES) -> Data:
    """Return the data of a task, read from the folder that `data.root` names in the program.

    signals: MNIST-1D. images: Fashion-MNIST, 28x28 averaged to 14x14.

    Args:
        name: Name of the task.
        root: The folder.
        sizes: Samples for training, validation and test; by default those of the table.
    """
    source = {"signals": MNIST1D, "images": FashionMNIST}[name](root=root)
    source.prepare_data()
    known, _, held_out = source.read()
    assert held_out is not None
    num_train, num_val, num_test = sizes
    x, y = np.asarray(known.x[: num_train + num_val]), np.asarray(known.y[: num_train + num_val])
    x_test, y_test = np.asarray(held_out.x[:num_test]), np.asarray(held_out.y[:num_test])
    return normalised(
        [(x[:num_train], y[:num_train]), (x[num_train:], y[num_train:]), (x_test, y_test)],
        halve=name == "images",
    )


def normalised(parts: list[tuple[Any, Any]], halve: bool) -> Data:
    """Return the parts with mean 0 and standard deviation 1 of the training samples.

    Args:
        parts: samples and labels for training, validation and test.
        halve: average 2x2 positions of images.
    """
    xs = [torch.from_numpy(np.array(x, np.float32)) for x, _ in parts]
    if halve:
        xs = [torch.nn.functional.avg_pool2d(x, 2) for x in xs]
    mean, std = xs[0].mean(), xs[0].std()
    labels = [torch.from_numpy(np.array(y, np.int64)) for _, y in parts]
    return Data(*(Split((x - mean) / std, y) for x, y in zip(xs, labels, strict=True)))
