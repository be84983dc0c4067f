"""Random points at the start of a search, counted by what they taught."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of, was_queued
from hydra_study.trials.delegating import DelegatingSampler

_TRAINED = ("complete", "pruned", "paused")


class RandomStart(DelegatingSampler):
    """A sampler that draws at random until enough random points have trained, and then leaves it
    to another one.

    Optuna's samplers count every trial with a result: queued points, and those that were refused.

    Args:
        sampler: The other sampler.
        n_startup_trials: How many random points must be complete, pruned or paused.
        seed: Seed of the random points; it must differ from that of the sampler, which may draw
            some itself.
    """

    def __init__(self, sampler: BaseSampler, n_startup_trials: int, seed: int | None) -> None:
        super().__init__(sampler)
        self.n_startup_trials = n_startup_trials
        self._random = RandomSampler(seed)
        self._drawing: int | None = None

    def __str__(self) -> str:
        return str(self.sampler)

    def is_own(self, trial: FrozenTrial) -> bool:
        """Return whether the trial is drawn at random."""
        return self._drawing == trial.number

    def draw(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Return a random value."""
        return self._random.sample_independent(study, trial, name, distribution)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return no parameters while the trial's are drawn at random."""
        trained = num_trained_at_random(study.get_trials(deepcopy=False))
        self._drawing = trial.number if trained < self.n_startup_trials else None
        return super().infer_relative_search_space(study, trial)

    def reseed_rng(self) -> None:
        """Give both samplers new seeds."""
        self._random.reseed_rng()
        super().reseed_rng()


def num_trained_at_random(trials: Sequence[FrozenTrial]) -> int:
    """Return how many trials have trained whose points were not given. Until a sampler is left to
    draw, these are drawn at random, in the whole space or near the points of a prior.
    """
    by_number = {trial.number: trial for trial in trials}

    def was_drawn(trial: FrozenTrial | None) -> bool:
        while trial is not None and attributes.RETRY_OF in trial.user_attrs:
            trial = by_number.get(trial.user_attrs[attributes.RETRY_OF])
        return trial is not None and (not was_queued(trial) or attributes.DRAWN in trial.user_attrs)

    return sum(kind_of(trial) in _TRAINED and was_drawn(trial) for trial in trials)
