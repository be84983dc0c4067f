"""One line an epoch, of what it measured; the best one starred, of those that were validated."""

import os
import signal
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from convsweep.tracking.best_scores import BestScores
from convsweep.training.callbacks import progress
from convsweep.training.callbacks.progress import EpochLines


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(progress, "say", lines.append)
    return lines


def train(losses: list[float], validate_every: int = 1) -> None:
    """Let epochs have these losses on both splits."""
    shown, best = EpochLines(["train/loss", "val/loss"]), BestScores("val/loss", "min")
    metrics: dict[str, torch.Tensor] = {}
    for epoch, loss in enumerate(losses):
        trainer: Any = SimpleNamespace(
            is_global_zero=True,
            sanity_checking=False,
            callbacks=[best, shown],
            callback_metrics=metrics,
            current_epoch=epoch,
            max_epochs=9,
        )
        shown.on_train_epoch_start(trainer, None)  # type: ignore[arg-type]
        metrics["train/loss"] = torch.tensor(loss)
        validates = (epoch + 1) % validate_every == 0
        if validates:
            metrics["val/loss"] = torch.tensor(loss)
        for callback in trainer.callbacks:
            if validates:
                callback.on_validation_end(trainer, None)
        for callback in trainer.callbacks:
            callback.on_train_epoch_end(trainer, None)


def test_only_a_better_epoch_is_starred(said: list[str]) -> None:
    train([2.0, 1.0, 1.5, 1.2, 0.5])
    assert [line.endswith(" *") for line in said] == [True, True, False, False, True]
    assert said[3].startswith("epoch   4/9  train/loss 1.2000  val/loss 1.2000")


def test_an_epoch_without_validation_shows_none_and_no_star(said: list[str]) -> None:
    train([4.0, 3.0, 2.0, 1.0], validate_every=2)
    assert ["val/loss" in line for line in said] == [False, True, False, True]
    assert [line.endswith(" *") for line in said] == [False, True, False, True]


def test_the_time_left_is_said_with_what_may_end_the_training(said: list[str]) -> None:
    stopping = SimpleNamespace(monitor="val/loss", patience=10)
    trainer: Any = SimpleNamespace(
        max_epochs=30, current_epoch=0, num_training_batches=100, is_global_zero=True
    )
    trainer.early_stopping_callback = stopping
    lines = EpochLines([])
    for step, end in enumerate([100.0, 108.0, 109.0, 110.0, 120.0]):  # the second step is slow
        lines.estimate(trainer, step, end)
    assert said == [
        "about 49 min 56 s and validation left to epoch 30, less if val/loss is not better in 10"
        " validations (early stopping)"
    ]


@pytest.mark.parametrize("enabled", [True, False])
def test_the_end_is_announced_at_the_signal_and_not_after_a_long_step(
    enabled: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda signum, frame: received.append(signum))
    try:
        lines, trainer = EpochLines([]), SimpleNamespace(is_global_zero=True)
        lines.enabled = enabled
        lines.on_train_start(trainer, None)  # type: ignore[arg-type]
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]
    text = "SIGTERM: the training ends after the step in progress\n"
    assert capfd.readouterr().err == (text if enabled else "")


@pytest.mark.parametrize(
    ("first_step", "durations", "expected"),
    [
        (1.0, [4.0, 0.3, 0.3], []),
        (1.0, [4.0, 2.0, 2.0], ["about 56 s left to epoch 30"]),
        (1.0, [30.0, 10.0, 10.0], ["about 14 min 30 s left to epoch 30"]),
        (25.0, [30.0, 10.0, 10.0], ["about 4 min 40 s left to epoch 30"]),
    ],
)
def test_a_first_epoch_that_is_mostly_the_start_does_not_say_the_time_left(
    first_step: float,
    durations: list[float],
    expected: list[str],
    said: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(progress, "time", SimpleNamespace(perf_counter=lambda: now))
    lines, best = EpochLines([]), BestScores("val/loss", "min")
    for epoch, seconds in enumerate(durations):
        trainer: Any = SimpleNamespace(
            is_global_zero=True,
            callbacks=[best],
            callback_metrics={},
            early_stopping_callback=None,
            current_epoch=epoch,
            max_epochs=30,
            num_training_batches=1,
        )
        lines.on_train_epoch_start(trainer, None)  # type: ignore[arg-type]
        if epoch == 0:
            lines.estimate(trainer, 0, now + first_step)
        now += seconds
        lines.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
    assert [line for line in said if "left" in line] == expected
