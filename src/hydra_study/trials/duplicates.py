"""Find an earlier trial of the same network."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.storage.storage import OpenStudy

_RESULTS = ("complete", "pruned", "out_of_memory", "timed_out", "diverged")
_KNOWN_POINT = (*_RESULTS, "infeasible")


class DuplicateIndex:
    """An index of a study's trials by config hash and by overrides; finished trials are read once.

    Args:
        study: The study.
        session: This start of the sweep. Within a start, equal overrides mean equal configs, which
            need not be composed.
    """

    def __init__(self, study: OpenStudy, session: str) -> None:
        self._study, self._session = study, session
        self._seen: set[int] = set()
        self._by_hash: dict[str, list[FrozenTrial]] = {}
        self._by_point: dict[tuple[str, ...], FrozenTrial] = {}

    def same_point(self, number: int, overrides: Sequence[str]) -> FrozenTrial | None:
        """Return an earlier trial of this start with the same overrides that has a result or is
        running, or None.
        """
        running = self._follow()
        ended = self._by_point.get(tuple(overrides))
        if ended is not None and ended.number < number:
            return ended
        same = (
            trial for trial in running if self._is_here(trial) and _point(trial) == tuple(overrides)
        )
        return next((trial for trial in same if trial.number < number), None)

    def results(self, number: int, identity: str) -> list[FrozenTrial]:
        """Return the other trials with this hash: those with a result, then running ones.

        The caller holds the ask lock, so that of two trials with the same hash only the first one
        trains.
        """
        running = [
            trial for trial in self._follow() if trial.user_attrs.get(attributes.HASH) == identity
        ]
        same = [*self._by_hash.get(identity, []), *running]
        return [trial for trial in same if trial.number != number]

    def _follow(self) -> list[FrozenTrial]:
        """Add the trials that have finished since the last call; return the running ones."""
        trials = self._study.get_trials(deepcopy=False)
        fresh = [trial for trial in trials if trial.number not in self._seen]
        for trial in fresh:
            if trial.state.is_finished():
                self._add(trial)
        return [trial for trial in fresh if trial.state == TrialState.RUNNING]

    def _add(self, trial: FrozenTrial) -> None:
        self._seen.add(trial.number)
        if trial.user_attrs.get(attributes.RETRIED):  # its retry will have the result
            return
        kind = kind_of(trial)
        identity = trial.user_attrs.get(attributes.HASH)
        if kind in _RESULTS and identity is not None:
            self._by_hash.setdefault(identity, []).append(trial)
        if kind in _KNOWN_POINT and self._is_here(trial):
            self._by_point.setdefault(_point(trial), trial)

    def _is_here(self, trial: FrozenTrial) -> bool:
        return trial.user_attrs.get(attributes.SESSION) == self._session


def _point(trial: FrozenTrial) -> tuple[str, ...]:
    return tuple(trial.user_attrs.get(attributes.OVERRIDES, ()))


def free_repetition(known: list[FrozenTrial]) -> int:
    """Return the lowest number of a repetition that no known trial of the same hash has."""
    taken = {trial.user_attrs.get(attributes.REPETITION, 0) for trial in known}
    return min(set(range(len(known) + 1)) - taken)
