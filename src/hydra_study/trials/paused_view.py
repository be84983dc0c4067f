"""A study as samplers should see it: unfinished trials that have reported values are pruned."""

import copy
from collections.abc import Container
from datetime import datetime

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hydra_study.storage.patience import Patience
from hydra_study.storage.patient_storage import PatientStorage
from hydra_study.storage.storage import OpenStudy


class WithoutPauses(PatientStorage):
    """A study's storage as samplers should see it: a trial that has reported values and is not
    finished, paused or not, is a pruned one, from which TPE learns.

    By its state, RUNNING, TPE would take it for a bad trial.

    Args:
        storage: The storage.
    """

    def __init__(self, storage: BaseStorage, patience: Patience) -> None:
        super().__init__(storage, patience)
        self._seen: dict[int, FrozenTrial] = {}

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study, or those in some states, as samplers should see them."""
        seen = [self._view(trial) for trial in super().get_all_trials(study_id, deepcopy=False)]
        chosen = [trial for trial in seen if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def _view(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.state != TrialState.RUNNING or not trial.intermediate_values:
            return trial
        known = self._seen.get(trial.number)
        if known is None or len(known.intermediate_values) != len(trial.intermediate_values):
            known = copy.copy(trial)
            known.state, known.datetime_complete = TrialState.PRUNED, datetime.now()
            self._seen[trial.number] = known
        return known


def view_of_samplers(study: OpenStudy) -> OpenStudy:
    """Return a study to ask, of which the sampler sees unfinished trials as pruned."""
    storage = WithoutPauses(study.storage, study.patience)
    view = OpenStudy(study.study_name, storage, study.sampler, study.pruner)
    view.reported_direction = study.reported_direction
    return view
