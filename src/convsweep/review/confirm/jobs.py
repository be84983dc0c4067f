"""The trainings of a confirmation, stored in its study: overrides and outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from convsweep.review.confirm.candidates import Candidate, merge_overrides
from convsweep.review.confirm.document import FOLDER
from hydra_study import (
    LivenessMonitor,
    OpenStudy,
    SweepFolder,
    SweepPaths,
    attributes,
    create_study,
    fixed_params,
    kind_of,
    locked,
    open_storage,
)

JOB = "$job"
_JOBS = "confirm_jobs"
_AGAIN = ("killed", "error")


class Jobs:
    """The trainings of a sweep's confirmation, including those of earlier commands.

    Args:
        sweep: the sweep to confirm.
        test: whether the trainings evaluate the test split.
        folds: the folds that the trainings differ in; None: their seeds.
    """

    def __init__(
        self, sweep: SweepFolder, *, test: bool = True, folds: "Folds | None" = None
    ) -> None:
        self._test, self._folds = test, folds
        self.layout = SweepPaths(sweep.folder / FOLDER / "runs")
        self.layout.make()
        self.seed_key, self._stale_after = sweep.options.seed_key, sweep.options.stale_after
        self.study_name = f"{sweep.options.study_name}_confirm"
        storage = (
            sweep.storage
            if sweep.is_in_database
            else open_storage(None, self.layout, num_workers=1)
        )
        self.study: OpenStudy = create_study(storage, self.study_name, sweep.objectives)

    def add(self, candidates: Sequence[Candidate], seeds: Sequence[int]) -> None:
        """Add missing jobs, ordered by seed or fold; repeat those that were killed or failed."""
        wanted = [self.overrides_of(candidate, seed) for seed in seeds for candidate in candidates]
        with locked(self.layout.ask_lock):
            known = self._kept_jobs(wanted)
            trials = self._by_job()
            for overrides in wanted:
                same = [job for job, others in enumerate(known) if others == overrides]
                if all(job in trials and kind_of(trials[job]) in _AGAIN for job in same):
                    known.append(overrides)
            self.study.set_user_attr(_JOBS, known)

    def _kept_jobs(self, wanted: Sequence[list[str]]) -> list[list[str]]:
        """Return the jobs without those that an earlier, finished command left open and that are
        not in `wanted`.
        """
        known = self.overrides()
        if LivenessMonitor(self.layout.workers, self._stale_after).living_workers():
            return known
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            if known[int(fixed_params(trial)[JOB])] not in wanted:
                trial_id = self.study.trial_id(trial.number)
                self.study.storage.set_trial_user_attr(trial_id, attributes.KIND, "killed")
                self.study.storage.set_trial_state_values(trial_id, TrialState.FAIL)
        return known[: 1 + max(self._by_job(), default=-1)]

    def overrides(self) -> list[list[str]]:
        """Return the overrides of every job."""
        return [list(job) for job in self.study.user_attrs.get(_JOBS, [])]

    @property
    def num_open(self) -> int:
        """Number of jobs that have not ended."""
        ended = [job for job, trial in self._by_job().items() if trial.state.is_finished()]
        return len(self.overrides()) - len(ended)

    def trial_of(self, candidate: Candidate, seed: int) -> FrozenTrial | None:
        """Return the trial of a candidate's training with a seed or fold; None before it starts.

        Candidates with the same network share one training and its trial.
        """
        wanted = self.overrides_of(candidate, seed)
        trials = self._by_job()
        found = [
            trials[job]
            for job, overrides in enumerate(self.overrides())
            if overrides == wanted and job in trials
        ]
        if not found:
            return None
        original = found[-1].user_attrs.get(attributes.DUPLICATE_OF)
        return found[-1] if original is None else self.study.get_trials(deepcopy=False)[original]

    def overrides_of(self, candidate: Candidate, seed: int) -> list[str]:
        """Return the overrides of a candidate's training with a seed or fold."""
        return overrides_of_job(candidate, seed, self.seed_key, test=self._test, folds=self._folds)

    def _by_job(self) -> dict[int, FrozenTrial]:
        """Return the last trial of every started job."""
        trials = self.study.get_trials(deepcopy=False)
        return {
            int(fixed_params(trial)[JOB]): trial for trial in trials if JOB in fixed_params(trial)
        }


@dataclass(frozen=True)
class Folds:
    """The folds of the data that the trainings of a network differ in.

    Attributes:
        count: their number.
        seed: of all trainings.
    """

    count: int
    seed: int


def overrides_of_job(
    candidate: Candidate,
    seed: int,
    seed_key: str,
    *,
    test: bool = True,
    folds: Folds | None = None,
) -> list[str]:
    """Return the overrides of a candidate's training with a seed, or on the fold of this number."""
    name = candidate.name.replace(" ", "_")
    tested = f"test={'always' if test else 'false'}"
    if folds is not None:
        own = [f"data.num_folds={folds.count}", f"data.fold={seed}", "data.val_fraction=null"]
        own += [f"{seed_key}={folds.seed}", f"name={name}_fold{seed}", tested]
        return merge_overrides([*candidate.overrides, *own])
    return [*candidate.overrides, f"{seed_key}={seed}", f"name={name}_seed{seed}", tested]


def suggest(trial: optuna.Trial, params: Mapping[str, Any]) -> list[str]:
    """Return the overrides of the job of a trial of the confirmation's study; called by the
    sweeper.
    """
    jobs: list[list[str]] = trial.study.user_attrs[_JOBS]
    return list(jobs[int(params[JOB])])
