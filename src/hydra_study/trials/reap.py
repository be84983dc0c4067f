"""Reap the running trials of dead workers: tell the outcome that they wrote, else `killed`."""

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.outcomes import Outcome, read_outcome
from hydra_study.trials.tell import Teller


def reap(study: OpenStudy, spec: SweepSpec, teller: Teller, watch: LivenessMonitor) -> list[int]:
    """Tell the outcomes of the trials of dead workers and return their numbers.

    The caller holds the ask lock, under which a running trial without a worker is one whose worker
    died before it stored its name.
    """
    reaped = []
    for trial in orphans(study, watch):
        left = read_outcome(spec, trial.number, trial.user_attrs.get(attributes.SESSION))
        teller.tell(trial, left or Outcome("killed", reason="its worker died"))
        reaped.append(trial.number)
    return reaped


def orphans(study: OpenStudy, watch: LivenessMonitor) -> list[FrozenTrial]:
    """Return the running trials without a living worker.

    Without the ask lock, one of them may be a new trial whose worker has not yet stored its name.
    """
    unfinished = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    running = [trial for trial in unfinished if kind_of(trial) == "running"]
    workers = {trial.user_attrs.get(attributes.WORKER) for trial in running}
    dead = {worker for worker in workers if worker is None or watch.is_dead(worker)}
    return [trial for trial in running if trial.user_attrs.get(attributes.WORKER) in dead]
