"""What a process remembers of the studies in a database, so that it need not read them for each report of each trial."""

import copy
import time
from collections.abc import Container, Sequence

from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

from .database import Database

_LATE_S = 1.0


class Remembered(_CachedStorage):
    """Optuna's memory of trials that have ended, which asks a little less often whether there are more of them.

    Where only trials that have ended are asked for, as pruners do at each report, those that other processes ended may be
    missing for a second. Those that this one ended never are.

    Args:
        backend: The database.
    """

    def __init__(self, backend: Database) -> None:
        super().__init__(backend)
        self._read_at: dict[int, float] = {}

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Tell the state of a trial, and with it the values."""
        self._read_at.clear()
        return super().set_trial_state_values(trial_id, state, values)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study, or those in some states."""
        now = time.monotonic()
        if states is None or not _have_ended(states) or now - self._read_at.get(study_id, -_LATE_S) >= _LATE_S:
            trials = super().get_all_trials(study_id, deepcopy, states)
            self._read_at[study_id] = now
            return trials
        with self._lock:
            known = [trial for trial in self._studies[study_id].trials.values() if trial.state in states]
        known.sort(key=lambda trial: trial.number)
        return copy.deepcopy(known) if deepcopy else known


def _have_ended(states: Container[TrialState]) -> bool:
    return not any(state in states for state in TrialState if not state.is_finished())
