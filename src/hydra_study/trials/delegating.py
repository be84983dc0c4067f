"""A sampler that draws some trials itself and leaves the others to another sampler."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState


class DelegatingSampler(BaseSampler):
    """Base of samplers that stand before another one. Trials of its own are drawn parameter by
    parameter.

    Args:
        sampler: The other sampler.

    Attributes:
        learns_beyond: Whether that one learns from trials outside of the space.
    """

    def __init__(self, sampler: BaseSampler) -> None:
        self.sampler = sampler
        self.learns_beyond = getattr(sampler, "learns_beyond", False)

    @abstractmethod
    def is_own(self, trial: FrozenTrial) -> bool:
        """Return whether this sampler draws the trial's parameters."""

    @abstractmethod
    def draw(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Return a value of a parameter of a trial of its own."""

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return no parameters for a trial of its own."""
        if self.is_own(trial):
            return {}
        return self.sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the other sampler's values."""
        if self.is_own(trial):
            return {}
        return self.sampler.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a value of its own, or the other sampler's."""
        if self.is_own(trial):
            return self.draw(study, trial, param_name, param_distribution)
        return self.sampler.sample_independent(study, trial, param_name, param_distribution)

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
        """Give the other sampler a new seed."""
        self.sampler.reseed_rng()
