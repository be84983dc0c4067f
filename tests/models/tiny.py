"""A tiny data set in memory, models on it, and a Trainer that leaves nothing after."""

import warnings
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from convsweep.data.samples import DataInfo
from convsweep.models.base import Model
from convsweep.nets import ConvNet, UNet
from convsweep.tasks.classification import Classification
from convsweep.tasks.segmentation import Segmentation

# Warnings about Lightning's own ways.
FROM_LIGHTNING = (
    ".*does not have many workers.*",
    ".*number of training batches.*",
    ".*LeafSpec.*",
)


def facts_of(
    task: str, in_shape: tuple[int, ...], num_classes: int, ignore_index: int | None = None
) -> DataInfo:
    """Return facts with classes named c0, c1, ..."""
    return DataInfo(
        in_shape,
        num_classes,
        tuple(f"c{number}" for number in range(num_classes)),
        task,
        ignore_index,
    )


def statistics(num_classes: int, channels: int = 1) -> dict[str, Tensor]:
    """Return the statistics of bytes drawn uniformly, and equal classes."""
    return {
        "mean": torch.full((channels,), 127.5),
        "std": torch.full((channels,), 73.9),
        "class_counts": torch.full((num_classes,), 10),
    }


def classifier(
    num_classes: int = 4, net: nn.Module | None = None, **options: Any
) -> Classification:
    """Return a small classifier of 1x8x8 bytes."""
    net = net or ConvNet((1, 8, 8), num_classes, num_stages=2, width=16)
    return Classification(
        net=net,
        info=facts_of("classification", (1, 8, 8), num_classes),
        **statistics(num_classes) | options,
    )


def segmenter(
    num_classes: int = 3,
    ignore_index: int | None = None,
    net: nn.Module | None = None,
    **options: Any,
) -> Segmentation:
    """Return a small segmenter of 1x16x16 bytes."""
    net = net or UNet((1, 16, 16), num_classes, depth=2, width=8)
    info = facts_of("segmentation", (1, 16, 16), num_classes, ignore_index)
    return Segmentation(net=net, info=info, **statistics(num_classes) | options)


def labelled(count: int = 16, num_classes: int = 4) -> tuple[Tensor, Tensor]:
    """Return random 1x8x8 bytes with random labels, every class among them."""
    return (
        torch.randint(0, 256, (count, 1, 8, 8), dtype=torch.uint8),
        torch.randperm(count) % num_classes,
    )


def masked(count: int = 4, num_classes: int = 3, size: int = 16) -> tuple[Tensor, Tensor]:
    """Return random bytes whose brightness in thirds is the class."""
    x = torch.randint(0, 256, (count, 1, size, size), dtype=torch.uint8)
    return x, (x[:, 0].long() * num_classes) // 256


class Quiet(L.Trainer):
    """A Trainer on the CPU without logger, bar, checkpoints or a sanity check."""

    def __init__(self, **options: Any) -> None:
        defaults: dict[str, Any] = {
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "enable_checkpointing": False,
            "num_sanity_val_steps": 0,
        }
        super().__init__(**defaults | options)


class Loader(DataLoader):
    """The batches of one data set in order, without workers."""

    def __init__(self, data: tuple[Tensor, Tensor], batch_size: int) -> None:
        super().__init__(TensorDataset(*data), batch_size=batch_size)


def fit(
    model: Model,
    data: tuple[Tensor, Tensor],
    epochs: int,
    batch_size: int = 16,
    ckpt_path: Path | None = None,
    **options: Any,
) -> dict[str, float]:
    """Train and validate a model on the same data, and return what was logged last."""
    with warnings.catch_warnings():
        for message in FROM_LIGHTNING:
            warnings.filterwarnings("ignore", message)
        trainer = Quiet(max_epochs=epochs, **options)
        trainer.fit(model, Loader(data, batch_size), Loader(data, batch_size), ckpt_path=ckpt_path)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}
