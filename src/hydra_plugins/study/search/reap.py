"""Reaping: the running trials of dead workers are settled by the outcome they left, or retried."""

import json
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from . import attributes
from .heartbeat import Watch
from .layout import Layout
from .outcomes import Outcome
from .settle import Settler
from .storage import OpenStudy


def reap(study: OpenStudy, layout: Layout, settler: Settler, watch: Watch) -> list[int]:
    """Settle the trials whose worker is dead and return their numbers; hold the ask lock for it.

    Under the ask lock a running trial without a worker is one whose worker died between asking and signing.
    """
    reaped = []
    for trial in _running(study):
        worker = trial.user_attrs.get(attributes.WORKER)
        if worker is not None and not watch.is_dead(worker):
            continue
        outcome = left_outcome(layout, trial.number)
        if outcome is None or outcome.kind == "killed":
            settler.settle(trial, outcome or Outcome("killed", reason="its worker died"))
        else:
            settler.settle(trial, outcome)
        reaped.append(trial.number)
    return reaped


def left_outcome(layout: Layout, number: int) -> Outcome | None:
    """Return the outcome that a trial wrote before it ended, if it came so far."""
    try:
        return Outcome(**json.loads(layout.outcome(number).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _running(study: OpenStudy) -> Sequence[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
