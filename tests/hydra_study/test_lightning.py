"""Which steps a training by Lightning reports: epochs, or validations where epochs have several."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.demos.boring_classes import BoringModel

from hydra_study import trial
from hydra_study.lightning import PruningCallback, TrialCallback

from .conftest import PATIENCE_S


class Worker:
    """Takes down the steps that are reported and stops the trial after one of them."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.last: list[int] = []
        self.progress: list[float | None] = []
        self.stop_after = 0

    def send(self, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self.steps.append(message["step"])
        self.last += [message["step"]] if message["is_last"] else []
        self.progress.append(message["progress"])
        return {"stop": "pruned" if message["step"] == self.stop_after else None}


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Let this process be a trial."""
    one = Worker()
    trial.enter(trial.TrialConnection(0, "study", str(tmp_path), None, one))
    yield one
    trial.leave()


class Validated(BoringModel):
    """Logs a metric at each validation."""

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val/loss", torch.tensor(1.0))


def train(folder: Path, checkpoint: Path | None = None, **options: Any) -> PruningCallback:
    """Train epochs of 8 batches."""
    pruning = PruningCallback("val/loss")
    trainer = L.Trainer(
        accelerator="cpu",
        callbacks=[pruning],
        default_root_dir=folder,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        limit_train_batches=8,
        limit_val_batches=1,
        logger=False,
        **options,
    )
    trainer.fit(Validated(), ckpt_path=checkpoint)
    trainer.validate(Validated(), verbose=False)  # no report of the training
    trainer.save_checkpoint(folder / "last.ckpt")
    return pruning


@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
@pytest.mark.parametrize(
    ("options", "steps", "last", "progress"),
    [
        ({}, [1, 2], [2], [0.5, 1.0]),
        ({"check_val_every_n_epoch": 2}, [2], [2], [1.0]),
        (
            {"val_check_interval": 0.25},
            [1, 2, 3, 4, 5, 6, 7, 8],
            [8],
            [0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0],
        ),
        ({"val_check_interval": 12, "check_val_every_n_epoch": None}, [2], [], [0.75]),
        ({"max_epochs": -1, "max_steps": 16}, [1, 2], [2], [0.5, 1.0]),
    ],
)
def test_these_steps_are_reported_and_the_last_one_as_such(
    worker: Worker,
    tmp_path: Path,
    options: dict[str, Any],
    steps: list[int],
    last: list[int],
    progress: list[float | None],
) -> None:
    train(tmp_path, **{"max_epochs": 2, **options})
    assert (worker.steps, worker.last, worker.progress) == (steps, last, progress)


@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
def test_a_resumed_training_counts_on_and_is_stopped_within_an_epoch(
    worker: Worker, tmp_path: Path
) -> None:
    train(tmp_path, max_epochs=1, val_check_interval=0.25)
    worker.stop_after = 6
    resumed = train(tmp_path, tmp_path / "last.ckpt", max_epochs=9, val_check_interval=0.25)
    assert worker.steps == [1, 2, 3, 4, 5, 6]
    with pytest.raises(trial.Pruned):
        resumed.raise_if_pruned()


@pytest.mark.filterwarnings("ignore:The '.*_dataloader' does not have many workers")
def test_without_a_last_step_the_progress_is_unknown(worker: Worker, tmp_path: Path) -> None:
    worker.stop_after = 2
    train(tmp_path, max_epochs=-1)
    assert worker.progress == [None, None]


def test_a_failure_of_another_process_is_found_during_a_validation_too(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended, sent = threading.Event(), list[dict[str, Any]]()
    callback, note = TrialCallback("val/loss"), tmp_path / "rank_1.json"
    model: Any = None
    validating: Any = SimpleNamespace(
        world_size=2,
        training=False,
        sanity_checking=False,
        strategy=SimpleNamespace(launcher=None),
    )

    def leave(code: int) -> None:
        note.unlink()
        callback.on_fit_end(validating, model)
        ended.set()

    monkeypatch.setattr(worker, "send", sent.append)
    monkeypatch.setattr("hydra_study.lightning._folder", lambda: tmp_path)
    monkeypatch.setattr("hydra_study.lightning.os._exit", leave)
    callback.on_fit_start(validating, model)
    outcome = {"kind": "out_of_memory", "reason": "MemoryError in process 1: no room"}
    note.with_suffix(".part").write_text(json.dumps(outcome))
    note.with_suffix(".part").rename(note)
    assert ended.wait(PATIENCE_S)
    assert sent == [{"type": "end", "outcome": outcome}]
