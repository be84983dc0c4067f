"""Reports of a running trial and the pruner's decision, also with several objectives."""

import optuna
from optuna.study import StudyDirection

from hydra_study import attributes
from hydra_study.objectives import Objectives
from hydra_study.storage.storage import OpenStudy


class OneObjective(OpenStudy):
    """View of a study with several objectives, for which Optuna refuses reports and pruning, as a
    study of the reported objective alone.

    Args:
        study: The study.
    """

    def __init__(self, study: OpenStudy) -> None:
        super().__init__(
            study.study_name, study.storage, optuna.samplers.RandomSampler(), study.pruner
        )
        self.reported_direction = study.reported_direction

    @property
    def directions(self) -> list[StudyDirection]:
        """The direction of the reported objective; any if reports are not compared."""
        return [self.reported_direction or StudyDirection.MINIMIZE]


class Reports:
    """The reports of one trial.

    Args:
        study: The study.
        trial: The trial.
        objectives: The study's objectives.
    """

    def __init__(self, study: OpenStudy, trial: optuna.Trial, objectives: Objectives) -> None:
        self._study = study
        self._trial = (
            optuna.Trial(OneObjective(study), study.trial_id(trial.number))
            if objectives.several
            else trial
        )
        self._is_compared = not objectives.several or objectives.prune_on is not None
        self._steps = set(study.trial(trial.number).intermediate_values)

    def add(self, step: int, value: float) -> bool:
        """Store the monitored value after `step` and return whether the trial should stop."""
        if step not in self._steps:  # a trial that resumed may report a step again
            self._trial.report(value, step)
            self._steps.add(step)
        return self._is_compared and self._trial.should_prune()

    def inherit(self) -> None:
        """Repeat the reports of the trial that this one retries, if it resumes from a checkpoint.

        They are added one by one, since successive halving stores the value at each rung when it is
        reported.
        """
        if attributes.CHECKPOINT in self._trial.user_attrs:
            for step, value in sorted(_former_reports(self._study, self._trial.number).items()):
                self.add(step, value)


def _former_reports(study: OpenStudy, number: int) -> dict[int, float]:
    """Return the reports of the latest trial in the chain of retries that has any."""
    former = study.trial(number).user_attrs.get(attributes.RETRY_OF)
    if former is None:
        return {}
    return study.trial(former).intermediate_values or _former_reports(study, former)
