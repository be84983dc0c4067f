"""Time-aware sampling: of several points that a sampler draws, the one that trains fastest.

The program has no such sampler, since it gains nothing with TPE (docs/search.md).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.search.worlds import encode_value
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.space.space import Space
from hydra_study.trials.delegating import DelegatingSampler

# With fewer measured trials the first point that is drawn is tried.
_LEAST = 5


class QuickestSampler(DelegatingSampler):
    """A sampler that draws several points by another one, and tries the one whose training is
    predicted to take the least time a step.

    The prediction is a ridge regression of the logarithm of the seconds a step of the trials so far
    on their parameters.

    Args:
        sampler: The other sampler; it should draw at random, so that its points differ.
        space: The search space.
        count: How many points are drawn.
    """

    def __init__(self, sampler: BaseSampler, space: Space, count: int) -> None:
        super().__init__(sampler)
        self._space, self._count = space, count

    def is_own(self, trial: FrozenTrial) -> bool:
        """Return False: all points are drawn by the other sampler."""
        return False

    def draw(
        self, study: Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        """Not called."""
        raise NotImplementedError

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters, once there is a prediction."""
        self._relative = super().infer_relative_search_space(study, trial)
        trials = study.get_trials(deepcopy=False)
        times = [(trial.params, seconds_per_step(trial)) for trial in trials]
        measured = [(point, seconds) for point, seconds in times if seconds is not None]
        self._predict = fit_durations(measured, self._space.searched)
        return self._relative if self._predict is None else dict(self._space.searched)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the point that is tried."""
        if self._predict is None:
            return super().sample_relative(study, trial, search_space)
        points = [self._draw(study, trial) for _ in range(self._count)]
        return min(points, key=self._predict)

    def _draw(self, study: Study, trial: FrozenTrial) -> dict[str, Any]:
        known = super().sample_relative(study, trial, self._relative)

        def suggest(name: str, distribution: BaseDistribution) -> Any:
            if name in known:
                return known[name]
            return self.sampler.sample_independent(study, trial, name, distribution)

        return self._space.point(suggest).values


class Durations:
    """Predictions of the seconds a step of points.

    Args:
        searched: The parameters of the space.
        points: Points that were trained.
        seconds: Their seconds a step.
    """

    def __init__(
        self,
        searched: Mapping[str, BaseDistribution],
        points: Sequence[Mapping[str, Any]],
        seconds: Sequence[float],
    ) -> None:
        self._searched = searched
        x, y = np.array([self._features(point) for point in points]), np.log(seconds)
        x, y = x - x.mean(0), y - y.mean()
        self._weights = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)

    def __call__(self, point: Mapping[str, Any]) -> float:
        """Return the logarithm of the seconds a step at a point, up to a constant."""
        return float(self._features(point) @ self._weights)

    def _features(self, point: Mapping[str, Any]) -> NDArray[np.float64]:
        features: list[float] = []
        for name, distribution in self._searched.items():
            features += encode_value(distribution, point.get(name))
        return np.array(features)


def fit_durations(
    measured: Sequence[tuple[Mapping[str, Any], float]], searched: Mapping[str, BaseDistribution]
) -> Durations | None:
    """Return predictions by points and their seconds a step; None if these are too few."""
    if len(measured) < _LEAST:
        return None
    points, seconds = zip(*measured, strict=True)
    return Durations(searched, points, seconds)


def seconds_per_step(trial: FrozenTrial) -> float | None:
    """Return how long a step of a trial took; None if it reported none, or runs, so that its time
    is not that of its steps.
    """
    known = trial.user_attrs
    runs = attributes.KIND not in known and known.get(attributes.PAUSED_AT) is None
    if runs or not trial.intermediate_values or not known.get(attributes.SECONDS):
        return None
    return float(known[attributes.SECONDS]) / max(trial.intermediate_values)
