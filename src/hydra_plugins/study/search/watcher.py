"""Follows a worker: says what its trials came to, and keeps the tables of the sweep up to date."""

import logging
from typing import Any

import optuna

from .attributes import REASON, kind_of
from .recipe import Recipe
from .record import Recorder
from .storage import OpenStudy

log = logging.getLogger("study")


class Watcher:
    """Called by a worker after every trial, and every now and then."""

    def __init__(self, recipe: Recipe, study: OpenStudy, index: int) -> None:
        self._recipe = recipe
        self._study = study
        self._recorder = Recorder(recipe, study)

    def __call__(self, worker: Any, trial: optuna.Trial | None) -> None:
        """Report a trial that ended; without one, the worker only gives a sign, or has ended itself."""
        if trial is not None and self._recipe.options.view != "none":
            log.info(_line(self._study._storage.get_trial(trial._trial_id)))
        self._recorder.write(force=worker.ended is not None and not worker.attempts)


def _line(trial: Any) -> str:
    params = " ".join(
        f"{key}={value:.4g}" if isinstance(value, float) else f"{key}={value}" for key, value in trial.params.items()
    )
    values = "" if trial.values is None else " " + " ".join(f"{value:.6g}" for value in trial.values)
    reason = trial.user_attrs.get(REASON, "")
    return f"trial {trial.number} {kind_of(trial)}{values} | {params}" + (f" | {reason}" if reason else "")
