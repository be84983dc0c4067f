"""A batch that does not fit into memory is halved, and a step still learns from the same
samples.
"""

import csv
import gc
import json
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import lightning as L
import pytest
import torch
from omegaconf import OmegaConf

from convsweep.training.fit import halve
from tests.conftest import Train


class SmallDevice(L.Callback):
    """A device whose memory is full where a batch holds more samples than it can take, from some
    epoch on.
    """

    def __init__(self, most: int, from_epoch: int = 0) -> None:
        self.most, self.from_epoch = most, from_epoch

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        if len(batch[0]) > self.most and trainer.current_epoch >= self.from_epoch:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")


class Watched(SmallDevice):
    """The same device, which notes how many former trainers are still there when the next one
    begins.
    """

    former: ClassVar[list[weakref.ref[L.Trainer]]] = []
    left: ClassVar[list[int]] = []

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.left.append(sum(ref() is not None for ref in self.former))
        self.former.append(weakref.ref(trainer))


def small_device(most: int, **options: int) -> list[str]:
    keys = {"_target_": f"{__name__}.SmallDevice", "most": most, **options}
    return [f"+callbacks.device.{key}={value}" for key, value in keys.items()]


def test_a_batch_is_halved_until_it_fits_and_learns_as_much(
    train: Train, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = (
        "data.batch_size=32",
        "data.max_train=320",
        "model.net.norm=none",
        "model.net.dropout=0",
        "trainer.max_epochs=2",
    )
    whole = train(*plain, folder="whole")
    parts = train(*plain, *small_device(10), folder="parts")
    said = capsys.readouterr().out
    assert (
        "out of memory at 32 samples a batch; continuing with 16, the gradients of 2 accumulated a"
        " step" in said
    )
    assert (
        "out of memory at 16 samples a batch; continuing with 8, the gradients of 4 accumulated a"
        " step" in said
    )
    config = OmegaConf.load(parts / "config.yaml")
    assert (config.data.batch_size, config.trainer.accumulate_grad_batches) == (8, 4)
    losses = [
        json.loads((folder / "result.json").read_text())["best"]["val/loss"]
        for folder in (whole, parts)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3), "the same gradients but for rounding"


@pytest.mark.parametrize("batch_size", [2, 3, 7, 64, 100, 1000])
def test_a_step_has_about_as_many_samples_however_often_it_is_halved(batch_size: int) -> None:
    cfg = OmegaConf.create({"data": {}, "trainer": {"accumulate_grad_batches": 1}})
    data: Any = SimpleNamespace(loading={"batch_size": batch_size, "eval_batch_size": None})
    while data.loading["batch_size"] > 1:
        halve(cfg, data)
        samples = cfg.data.batch_size * cfg.trainer.accumulate_grad_batches
        assert abs(samples - batch_size) <= max(1, batch_size // 20)


def test_what_a_failed_training_held_is_let_go(train: Train) -> None:
    """Its trainer holds the samples on the device."""
    train(
        "data.batch_size=32", *[word.replace("SmallDevice", "Watched") for word in small_device(10)]
    )
    assert Watched.left == [0, 0, 0]


def test_what_is_learnt_already_is_kept(train: Train) -> None:
    folder = train("data.batch_size=32", "trainer.max_epochs=3", *small_device(16, from_epoch=1))
    assert json.loads((folder / "result.json").read_text())["epochs"] == 3
    with (folder / "metrics.csv").open() as file:
        epochs = [row["epoch"] for row in csv.DictReader(file) if row["val/loss"]]
    assert epochs == ["0", "1", "2"]


def test_a_single_sample_that_does_not_fit_ends_the_run(train: Train) -> None:
    with pytest.raises(SystemExit):
        train("data.batch_size=4", *small_device(0))
    assert (
        json.loads((Path.cwd() / "run" / "result.json").read_text())["outcome"] == "out_of_memory"
    )


def test_a_training_that_has_ended_leaves_no_memory_to_the_next_one_of_the_process(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watched, "former", [])
    train(f"+callbacks.device._target_={__name__}.Watched", "+callbacks.device.most=1000")
    gc.collect()
    assert [trainer() for trainer in Watched.former] == [None]
