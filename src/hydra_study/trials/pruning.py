"""Reports of a running trial and the pruner's verdict, also where there are several objectives."""

import optuna
from optuna.study import StudyDirection

from hydra_study import attributes
from hydra_study.objectives import Objectives
from hydra_study.storage.storage import OpenStudy


class OneObjective(OpenStudy):
    """A study of several objectives, shown to the pruner as if the one that is reported were its
    only one.

    Optuna refuses reports and pruning for several.

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
        """The direction of what is reported; of what nothing is compared with, any."""
        return [self.reported_direction or StudyDirection.MINIMIZE]


class Reports:
    """What one trial reports.

    Args:
        study: The study.
        trial: The trial.
        objectives: What is optimised.
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
        if step not in self._steps:  # which a trial that goes on from a checkpoint may report again
            self._trial.report(value, step)
            self._steps.add(step)
        return self._is_compared and self._trial.should_prune()

    def inherit(self) -> None:
        """Report what the trial reported that this one continues.

        One after the other, as it was: successive halving notes the value at each rung, which would
        else be that of the first step after the checkpoint.
        """
        if attributes.CHECKPOINT in self._trial.user_attrs:
            for step, value in sorted(_former_reports(self._study, self._trial.number).items()):
                self.add(step, value)


def _former_reports(study: OpenStudy, number: int) -> dict[int, float]:
    """Return the reports of the last trial that this one continues and that had any."""
    former = study.trial(number).user_attrs.get(attributes.RETRY_OF)
    if former is None:
        return {}
    return study.trial(former).intermediate_values or _former_reports(study, former)
