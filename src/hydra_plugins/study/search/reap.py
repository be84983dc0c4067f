"""Reaping: the running trials of dead workers are settled by the outcome they left, or retried."""

import json

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
    for trial in orphans(study, watch):
        settler.settle(trial, left_outcome(layout, trial.number) or Outcome("killed", reason="its worker died"))
        reaped.append(trial.number)
    return reaped


def orphans(study: OpenStudy, watch: Watch) -> list[FrozenTrial]:
    """Return the running trials without a living worker; without the lock, one of them may just be getting its worker."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    workers = {trial.user_attrs.get(attributes.WORKER) for trial in running}
    dead = {worker for worker in workers if worker is None or watch.is_dead(worker)}
    return [trial for trial in running if trial.user_attrs.get(attributes.WORKER) in dead]


def left_outcome(layout: Layout, number: int) -> Outcome | None:
    """Return the outcome that a trial wrote before it ended, if it came so far."""
    try:
        return Outcome(**json.loads(layout.outcome(number).read_text()))
    except (OSError, ValueError, TypeError):
        return None
