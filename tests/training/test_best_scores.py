"""The scores of a run are all from its best validation."""

from math import nan
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from convsweep.tracking.best_scores import BestScores


def validated(best: BestScores, values: list[float], first_epoch: int = 0) -> None:
    """Let the monitored metric take these values, one an epoch."""
    for epoch, value in enumerate(values, first_epoch):
        metrics = {"val/loss": torch.tensor(value), "val/accuracy": torch.tensor(epoch / 10)}
        trainer: Any = SimpleNamespace(
            sanity_checking=False, callback_metrics=metrics, current_epoch=epoch
        )
        best.on_validation_end(trainer, None)  # type: ignore[arg-type]


@pytest.mark.parametrize(("mode", "epoch"), [("min", 3), ("max", 2)])
def test_all_scores_are_of_the_best_epoch(mode: str, epoch: int) -> None:
    best = BestScores("val/loss", mode)
    validated(best, [2.0, 3.0, 1.0, 2.5])
    assert best.epoch == epoch
    assert best.scores["val/accuracy"] == pytest.approx((epoch - 1) / 10)


def test_any_number_is_better_than_none() -> None:
    best = BestScores("val/loss", "min")
    validated(best, [nan, 2.0, nan])
    assert (best.epoch, best.scores["val/loss"]) == (2, 2.0)


def test_only_what_is_better_is_new() -> None:
    best, seen = BestScores("val/loss", "min"), []
    for epoch, value in enumerate([nan, 2.0, 2.0, 1.0, nan]):
        validated(best, [value], first_epoch=epoch)
        seen.append(best.is_new)
    assert seen == [True, True, False, True, False]


def test_a_resumed_run_keeps_the_best_of_before() -> None:
    first, again = BestScores("val/loss", "min"), BestScores("val/loss", "min")
    validated(first, [1.0, 2.0])
    again.load_state_dict(first.state_dict())
    validated(again, [1.5], first_epoch=2)
    assert (again.epoch, again.scores["val/loss"]) == (1, 1.0)
