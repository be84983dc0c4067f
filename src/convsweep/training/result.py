"""The result of a training in plain types: for `result.json`, the loggers and the sweep."""

import os
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ModelCheckpoint

from convsweep.errors import DivergedError, UserError
from convsweep.tracking.best_scores import BestScores


def objective_values(names: Sequence[str], figures: Mapping[str, Any]) -> dict[str, float]:
    """Return the values that are reported to a sweep, by name.

    Args:
        names: of the objectives.
        figures: scores at the best epoch and cost of the network; None if unknown.

    Raises:
        UserError: an objective was not measured.
        DivergedError: an objective is not finite.
    """
    for name in names:
        if figures.get(name) is None:
            remedy = (
                "let it validate (trainer.limit_val_batches)"
                if "/" in name
                else "choose other objectives for this network"
            )
            raise UserError(f"{name} must be measured by the training, but was not; {remedy}")
    values = {name: float(figures[name]) for name in names}
    for name, value in values.items():
        if not isfinite(value):
            raise DivergedError(
                f"{name} must be finite, but is {value} in the best epoch; use a smaller"
                " optimizer.lr, or a warm-up"
            )
    return values


def result_of(
    trainer: L.Trainer, best: BestScores, objectives: Mapping[str, float], folder: Path
) -> dict[str, Any]:
    """Return the result of a complete training; paths are relative to the run folder."""
    checkpoint = best_checkpoint(trainer)
    return {
        "outcome": "complete",
        "objectives": dict(objectives),
        "best": best.scores,
        "best_epoch": best.epoch,
        "test": {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("test/")
        },
        "epochs": trainer.fit_loop.epoch_progress.current.completed,
        "stopped_early": trainer.should_stop,
        "checkpoint": os.path.relpath(checkpoint, folder) if checkpoint else None,
    }


def best_checkpoint(trainer: L.Trainer) -> str | None:
    """Return the path of the best checkpoint, or None."""
    callback = trainer.checkpoint_callback
    return callback.best_model_path or None if isinstance(callback, ModelCheckpoint) else None


def closing_facts(result: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the part of a result for the loggers: scores, path of the best checkpoint, or the
    reason for a failure.
    """
    info = {f"best/{name}": value for name, value in result["best"].items()} | {
        "best_epoch": result["best_epoch"]
    }
    if result.get("checkpoint"):
        info["checkpoint"] = str(folder / result["checkpoint"])
    return info | ({"reason": result["reason"]} if "reason" in result else {})


def reason_of(error: BaseException) -> str:
    """Return the reason of an error as text; for an exit without a message, the reason of its
    context.
    """
    cause = (
        error.__context__
        if isinstance(error, SystemExit) and error.__context__ is not None
        else error
    )
    return str(cause) or type(cause).__name__
