"""Finds the trial that has trained the same network already."""

from optuna.trial import FrozenTrial, TrialState

from . import attributes
from .attributes import kind_of
from .storage import OpenStudy

_RESULTS = ("complete", "pruned", "out_of_memory", "diverged")


_KNOWN_POINT = (*_RESULTS, "infeasible", "running")


def same_point(study: OpenStudy, number: int, session: str, overrides: list[str]) -> FrozenTrial | None:
    """Return an earlier trial of this start with the same overrides and a result, or one that is getting it.

    Within one start the same overrides are the same config, so there is no need to compose it again.
    """
    for trial in study.get_trials(deepcopy=False):
        facts = trial.user_attrs
        same = facts.get(attributes.OVERRIDES) == overrides and facts.get(attributes.SESSION) == session
        if same and trial.number < number and kind_of(trial) in _KNOWN_POINT:
            return trial
    return None


def known_results(study: OpenStudy, number: int, identity: str) -> list[FrozenTrial]:
    """Return the other trials of this hash that have a result, and then those that are getting one.

    Hold the ask lock, so that of two trials of one hash the first to come here is the one that goes on.
    """
    same = [
        trial
        for trial in study.get_trials(deepcopy=False)
        if trial.user_attrs.get(attributes.HASH) == identity and trial.number != number
    ]
    finished = [trial for trial in same if trial.state.is_finished() and kind_of(trial) in _RESULTS]
    running = [trial for trial in same if trial.state == TrialState.RUNNING]
    return finished + running


def free_repetition(known: list[FrozenTrial]) -> int:
    """Return the first repetition that none of the known trials of one hash is."""
    taken = {trial.user_attrs.get(attributes.REPETITION, 0) for trial in known}
    return min(set(range(len(known) + 1)) - taken)
