"""One line an epoch, of what it measured; the best one starred, also behind a resume."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from convsweep.callbacks import progress
from convsweep.callbacks.progress import EpochLines


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(progress, "say", lines.append)
    return lines


def lines() -> EpochLines:
    return EpochLines(["train/loss", "val/loss"], "val/loss", "min")


def train(shown: EpochLines, losses: list[float], first_epoch: int = 0, validate_every: int = 1) -> None:
    """Let epochs have these losses on both splits."""
    metrics: dict[str, torch.Tensor] = {}
    for epoch, loss in enumerate(losses, first_epoch):
        trainer: Any = SimpleNamespace(is_global_zero=True, callback_metrics=metrics, current_epoch=epoch, max_epochs=9)
        metrics["train/loss"] = torch.tensor(loss)
        if (epoch + 1) % validate_every == 0:
            metrics["val/loss"] = torch.tensor(loss)
            shown.on_validation_end(trainer, None)  # type: ignore[arg-type]
        shown.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]


def test_only_a_better_epoch_is_starred_and_a_resume_remembers(said: list[str]) -> None:
    first, again = lines(), lines()
    train(first, [2.0, 1.0, 1.5])
    again.load_state_dict(first.state_dict())
    train(again, [1.2, 0.5], first_epoch=3)
    assert [line.endswith(" *") for line in said] == [True, True, False, False, True]
    assert said[3].startswith("epoch   4/9  train/loss 1.2000  val/loss 1.2000")


def test_an_epoch_without_validation_shows_none(said: list[str]) -> None:
    train(lines(), [4.0, 3.0, 2.0, 1.0], validate_every=2)
    assert ["val/loss" in line for line in said] == [False, True, False, True]
