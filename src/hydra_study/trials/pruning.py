"""Reports of a running trial, and whether it is pruned or paused, also with several objectives."""

import optuna
from optuna.study import StudyDirection

from hydra_study import attributes
from hydra_study.objectives import Objectives
from hydra_study.storage.storage import OpenStudy
from hydra_study.trials.schedules import Promotion

# A schedule pauses no trial of which a larger share is done: what it would save is less than what
# the trial has cost, and a paused trial has no value.
_GOES_ON_FROM = 0.75


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
        return [StudyDirection[(self.reported_direction or "minimize").upper()]]


class Reports:
    """The reports of one trial.

    Args:
        study: The study.
        trial: The trial.
        objectives: The study's objectives.
        schedule: Decides which trials pause; None leaves the decision to the pruner.
    """

    def __init__(
        self,
        study: OpenStudy,
        trial: optuna.Trial,
        objectives: Objectives,
        schedule: Promotion | None = None,
    ) -> None:
        self._study = study
        self._schedule = schedule
        self._trial = (
            optuna.Trial(OneObjective(study), study.trial_id(trial.number))
            if objectives.several
            else trial
        )
        self._is_compared = not objectives.several or objectives.prune_on is not None
        self._steps = set(study.trial(trial.number).intermediate_values)

    def add(
        self, step: int, value: float, *, is_last: bool = False, progress: float | None = None
    ) -> str | None:
        """Store the monitored value after `step`; return `pruned` or `paused` if the trial should
        stop.

        Args:
            step: Steps done, from 1.
            value: The monitored value.
            is_last: Whether the trial ends with this step; it should not be stopped then.
            progress: Share of the training that is done, 0 to 1; None: unknown.
        """
        is_new = step not in self._steps  # a trial that resumed may report a step again
        if is_new:
            self._trial.report(value, step)
            self._steps.add(step)
        if is_last or not self._is_compared:
            return None
        if self._schedule is not None:
            is_late = progress is not None and progress > _GOES_ON_FROM
            pauses = is_new and not is_late and self._pauses(self._schedule, step, value)
            return "paused" if pauses else None
        return "pruned" if self._trial.should_prune() else None

    def _pauses(self, schedule: Promotion, step: int, value: float) -> bool:
        """Return whether the trial should pause; only at a rung are the other trials read."""
        before = max((one for one in self._steps if one < step), default=0)
        return schedule.rung(step) > schedule.rung(before) and schedule.pauses(
            self._trial.number, step, value, self._study.get_trials(deepcopy=False)
        )

    def inherit(self) -> None:
        """Repeat the reports of the trial that this one retries, if it resumes from a checkpoint.

        They are added one by one, since successive halving stores the value at each rung when it is
        reported.
        """
        if attributes.CHECKPOINT in self._trial.user_attrs:
            for step, value in sorted(_former_reports(self._study, self._trial.number).items()):
                self.add(step, value)


def _former_reports(study: OpenStudy, number: int) -> dict[int, float]:
    """Return the reports of all trials in the chain of retries, of each step the latest: one that
    was killed while it repeated those before it has only some of them.
    """
    former = study.trial(number).user_attrs.get(attributes.RETRY_OF)
    if former is None:
        return {}
    return _former_reports(study, former) | study.trial(former).intermediate_values
