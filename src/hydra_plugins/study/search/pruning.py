"""Reports of a running trial and the pruner's verdict, also where there are several objectives."""

import copy

import optuna

from .objectives import Objectives
from .storage import OpenStudy


def report(study: OpenStudy, trial: optuna.Trial, step: int, value: float, objectives: Objectives) -> bool:
    """Store the monitored value after `step` and return whether the trial should stop.

    Optuna refuses both for several objectives; there the pruner is shown the study as if the objective `prune_on` were
    its only one.
    """
    known = trial._cached_frozen_trial  # nobody else reports for it, so it need not be read again
    if step not in known.intermediate_values:
        study._storage.set_trial_intermediate_value(trial._trial_id, step, value)
        known.intermediate_values = {**known.intermediate_values, step: value}
    if objectives.several and objectives.prune_on is None:
        return False
    seen = _with_one_objective(study, objectives) if objectives.several else study
    return bool(study.pruner.prune(seen, trial._get_latest_trial()))


def _with_one_objective(study: OpenStudy, objectives: Objectives) -> OpenStudy:
    view = copy.copy(study)
    view._directions = [objectives.reported_direction]
    return view
