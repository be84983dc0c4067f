"""Finds the trial that has trained the same network already."""

from optuna.trial import FrozenTrial, TrialState

from . import attributes
from .attributes import kind_of
from .storage import OpenStudy

_RESULTS = ("complete", "pruned", "out_of_memory", "diverged")


def known_results(study: OpenStudy, number: int, identity: str) -> list[FrozenTrial]:
    """Return the other trials of this hash that have a result, and those that are getting one.

    Of two running trials of one hash the one with the lower number goes on.
    """
    same = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.user_attrs.get(attributes.HASH) == identity and trial.number != number
    ]
    finished = [trial for trial in same if trial.state.is_finished() and kind_of(trial) in _RESULTS]
    running = [trial for trial in same if trial.state == TrialState.RUNNING and trial.number < number]
    return finished + running
