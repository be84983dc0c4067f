"""Reaping: the running trials of dead workers are settled by the outcome they left, or retried."""

from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.outcomes import Outcome, left_outcome
from hydra_study.trials.tell import Teller


def reap(study: OpenStudy, spec: SweepSpec, teller: Teller, watch: LivenessMonitor) -> list[int]:
    """Settle the trials whose worker is dead and return their numbers; hold the ask lock for it.

    Under the ask lock a running trial without a worker is one whose worker died between asking and
    signing.
    """
    reaped = []
    for trial in orphans(study, watch):
        left = left_outcome(spec, trial.number, trial.user_attrs.get(attributes.SESSION))
        teller.tell(trial, left or Outcome("killed", reason="its worker died"))
        reaped.append(trial.number)
    return reaped


def orphans(study: OpenStudy, watch: LivenessMonitor) -> list[FrozenTrial]:
    """Return the running trials without a living worker; without the lock, one of them may just be
    getting its worker.
    """
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    workers = {trial.user_attrs.get(attributes.WORKER) for trial in running}
    dead = {worker for worker in workers if worker is None or watch.is_dead(worker)}
    return [trial for trial in running if trial.user_attrs.get(attributes.WORKER) in dead]
