"""A study of nothing but mistakes, which a corrected command replaces."""

import shutil

import optuna

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.paths import SweepPaths
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.storage import OpenStudy


def holds_only_mistakes(study: OpenStudy, paths: SweepPaths, watch: LivenessMonitor) -> bool:
    """Return whether a study has trials, each of which ended by an error before it reported a
    value, and no worker is at it.

    Args:
        study: The study.
        paths: Its folder; False if it has another one.
        watch: Of the folder's workers.
    """
    trials = study.get_trials(deepcopy=False)
    return (
        bool(trials)
        and study.user_attrs.get(attributes.STUDY_ID) == paths.id()
        and all(kind_of(one) == "error" and not one.intermediate_values for one in trials)
        and not watch.living_workers()
    )


def remove_study(study: OpenStudy, paths: SweepPaths) -> None:
    """Remove a study with the folders of its trials, so that another one can begin in its place;
    the caller holds the ask lock.
    """
    for trial in study.get_trials(deepcopy=False):
        shutil.rmtree(paths.trial(trial.number), ignore_errors=True)
    for session in paths.sessions.iterdir():
        session.unlink(missing_ok=True)
    paths.study_id.unlink(missing_ok=True)
    optuna.delete_study(study_name=study.study_name, storage=study.storage)
