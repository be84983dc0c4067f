"""Random points at the start of a search, counted by what they taught."""

from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of, was_queued

_TRAINED = ("complete", "pruned", "paused")


class RandomStart(BaseSampler):
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
        self.sampler = sampler
        self.n_startup_trials = n_startup_trials
        self._random = RandomSampler(seed)
        self._drawing: int | None = None

    def __str__(self) -> str:
        return str(self.sampler)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return no parameters while the trial's are drawn at random."""
        trained = num_trained_at_random(study.get_trials(deepcopy=False))
        self._drawing = trial.number if trained < self.n_startup_trials else None
        if self._drawing is not None:
            return {}
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the other sampler's values."""
        if self._drawing == trial.number:
            return {}
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value, or the other sampler's."""
        sampler = self._random if self._drawing == trial.number else self.sampler
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Tell the other sampler."""
        self.sampler.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Tell the other sampler."""
        self.sampler.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Give both samplers new seeds."""
        self._random.reseed_rng()
        self.sampler.reseed_rng()


def num_trained_at_random(trials: Sequence[FrozenTrial]) -> int:
    """Return how many trials have trained whose points were neither queued nor drawn near those of
    a prior. Until a sampler is left to draw, these are drawn at random.
    """
    by_number = {trial.number: trial for trial in trials}

    def was_drawn(trial: FrozenTrial | None) -> bool:
        while trial is not None and attributes.RETRY_OF in trial.user_attrs:
            trial = by_number.get(trial.user_attrs[attributes.RETRY_OF])
        return (
            trial is not None and not was_queued(trial) and attributes.PRIOR not in trial.user_attrs
        )

    return sum(kind_of(trial) in _TRAINED and was_drawn(trial) for trial in trials)
