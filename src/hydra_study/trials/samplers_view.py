"""A study as samplers should see it: unfinished trials with values are pruned, and all are of the
present space.
"""

import copy
from collections.abc import Container, Mapping
from datetime import datetime

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hydra_study.space.parameters import holds
from hydra_study.storage.patience import Patience
from hydra_study.storage.patient_storage import PatientStorage
from hydra_study.storage.storage import OpenStudy


class SamplersView(PatientStorage):
    """A study's storage as samplers should see it.

    A trial that has reported values and is not finished, paused or not, is a pruned one, from which
    TPE learns; by its state, RUNNING, TPE would take it for a bad trial.

    Trials from before a range was changed have the present one, or are failed ones if they lie
    outside of it. Optuna's samplers draw from the first range of a parameter, or at random if it
    has had several.

    Args:
        storage: The storage.
        patience: How long its calls are retried.
        searched: The parameters of the present space; empty if it has not changed.
    """

    def __init__(
        self, storage: BaseStorage, patience: Patience, searched: Mapping[str, BaseDistribution]
    ) -> None:
        super().__init__(storage, patience)
        self._searched = searched
        self._seen: dict[int, tuple[tuple[TrialState, int], FrozenTrial]] = {}

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study, or those in some states, as samplers should see them."""
        seen = [self._view(trial) for trial in super().get_all_trials(study_id, deepcopy=False)]
        chosen = [trial for trial in seen if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def _view(self, trial: FrozenTrial) -> FrozenTrial:
        is_open = trial.state == TrialState.RUNNING and bool(trial.intermediate_values)
        is_old = bool(self._searched) and has_other_ranges(trial, self._searched)
        if not (is_open or is_old):
            return trial
        version = trial.state, len(trial.intermediate_values)
        before, known = self._seen.get(trial.number, (None, trial))
        if before != version:
            known = copy.copy(trial)
            if is_open:
                known.state, known.datetime_complete = TrialState.PRUNED, datetime.now()
            if is_old:
                self._renew(known)
            self._seen[trial.number] = version, known
        return known

    def _renew(self, trial: FrozenTrial) -> None:
        """Give a trial the present ranges."""
        present = {name: self._searched.get(name, own) for name, own in trial.distributions.items()}
        if all(holds(present[name], value) for name, value in trial.params.items()):
            trial.distributions = present
        elif trial.state.is_finished():
            trial.state = TrialState.FAIL


def has_other_ranges(trial: FrozenTrial, searched: Mapping[str, BaseDistribution]) -> bool:
    """Return whether a parameter of a trial had another range than now."""
    return any(own != searched.get(name, own) for name, own in trial.distributions.items())


def view_of_samplers(study: OpenStudy, searched: Mapping[str, BaseDistribution]) -> OpenStudy:
    """Return a study to ask, of which the sampler sees unfinished trials as pruned, and all trials
    as of the present space.
    """
    storage = SamplersView(study.storage, study.patience, searched)
    view = OpenStudy(study.study_name, storage, study.sampler, study.pruner)
    view.reported_direction = study.reported_direction
    return view
