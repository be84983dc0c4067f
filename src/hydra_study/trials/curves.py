"""`hydra/sweeper/sampler=gp_curves`: a Gaussian process that learns from unfinished trials too."""

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtr, ndtri

from hydra_study.attributes import RETRIED, kind_of
from hydra_study.space.space import Space
from hydra_study.trials.gaussian_process import GaussianProcess
from hydra_study.trials.prior import near, nearest
from hydra_study.trials.retry import fixed_params

# Trials that a process takes in: the last ones, and of the others the best. Its time grows with the
# cube of their number.
_MOST_LAST, _MOST_BEST = 200, 100
# Points of which the best is tried: anywhere, and near the best ones known.
_NUM_RANDOM, _NUM_NEAR, _NEAR_TO = 500, 300, 5
# Of points near one: how many more parameters change, whether a number changes a little, and how
# little, relative to its range.
_ONE_MORE, _A_LITTLE, _DEVIATIONS = 0.5, 0.6, (0.05, 0.15)


@dataclass(frozen=True)
class _Seen:
    """What a trial shows.

    Attributes:
        point: Its parameters.
        step: The last step with a value; None of a trial that has none yet.
        value: The value, larger for better.
    """

    point: dict[str, Any]
    step: int | None
    value: float


class CurveSampler(BaseSampler):
    """A sampler that fits a Gaussian process to the last value of every trial, unfinished ones
    included, over parameters and steps, and tries the point with the largest expected improvement
    at the last step.

    Values are replaced by normal scores of their ranks, so that neither their scale nor outliers
    matter. A second process learns which points cannot be trained. Parameters that a point does not
    have are taken for the middle of their range. Trials that run without a value yet count as what
    the process expects of them, so that several workers try different points.

    Args:
        space: The search space.
        seed: Seed of the candidates.

    Attributes:
        learns_beyond: It learns from trials outside of the space, from before it was changed.
    """

    learns_beyond = True

    def __init__(self, space: Space, seed: int | None = None) -> None:
        self._space = space
        self._random = random.Random(seed)
        columns = [
            index
            for index, distribution in enumerate(space.searched.values())
            for _ in encode(distribution, None)
        ]
        self._values, self._possible = GaussianProcess(columns), GaussianProcess(columns)

    def __str__(self) -> str:
        return "GP of curves"

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Return all parameters of the space."""
        return dict(self._space.searched)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Return the values of the next point; none before a trial has a value."""
        others = [
            other
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and not other.user_attrs.get(RETRIED)
        ]
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        possible: list[FrozenTrial] = []
        impossible: list[Mapping[str, Any]] = []
        for other in others:
            if _is_impossible(other):
                impossible.append(other.params)
            else:
                possible.append(other)
        steps = [_last_step(other) for other in possible]
        last_of_all = max((step or 1 for step in steps), default=1)
        seen = [
            shown
            for other, last in zip(possible, steps, strict=True)
            if (shown := _shown(other, sign, last, last_of_all)) is not None
        ]
        known = [each for each in seen if each.step is not None]
        if not (known and self._space.searched):
            return {}
        running = [each.point for each in seen if each.step is None]
        older = sorted(known[:-_MOST_LAST], key=lambda each: (each.step or 0, each.value))
        known = older[-_MOST_BEST:] + known[-_MOST_LAST:]
        tried = [fixed_params(other) for other in others]
        return self._best_point(known, running, impossible[-_MOST_LAST:], tried)

    def _best_point(
        self,
        known: Sequence[_Seen],
        running: Sequence[Mapping[str, Any]],
        impossible: Sequence[Mapping[str, Any]],
        tried: Sequence[Mapping[str, Any]],
    ) -> dict[str, Any]:
        """Return the point with the largest expected improvement, times the probability that it can
        be trained, of points that were not tried.
        """
        x = self._encoded([each.point for each in known])
        steps = np.array([each.step for each in known], float)
        t = np.log1p(steps) / math.log1p(max(steps.max(), 1))  # some count from 0
        y = _normal_scores([each.value for each in known])
        self._values.fit(x, t, y)
        if running:
            more = self._encoded(running)
            end = np.ones(len(more))
            x, t = np.concatenate([x, more]), np.concatenate([t, end])
            y = np.concatenate([y, self._values.predict(more, end)[0]])
            self._values.take(x, t, y)
        points = [*(each.point for each in known), *running]
        # the best of a space that was wider before may lie far above all that is left of it
        inside = [self._inside(point) for point in points]
        expected = self._values.predict(self._encoded(inside), np.ones(len(inside)))[0]
        best = [inside[index] for index in np.argsort(-expected)[:_NEAR_TO]]
        candidates = list(self._candidates(best, tried))
        if not candidates:
            return {}
        encoded = self._encoded(candidates)
        means, deviations = self._values.predict(encoded, np.ones(len(candidates)))
        score = _expected_improvement(means - expected.max(), deviations)
        if impossible:
            score = score * self._probability(points, impossible, encoded)
        return candidates[int(score.argmax())]

    def _probability(
        self,
        possible: Sequence[Mapping[str, Any]],
        impossible: Sequence[Mapping[str, Any]],
        encoded: NDArray[Any],
    ) -> NDArray[Any]:
        """Return the probability that points can be trained."""
        x = self._encoded([*possible, *impossible])
        y = np.repeat([1.0, -1.0], [len(possible), len(impossible)])
        self._possible.fit(x, np.zeros(len(x)), y)
        means, deviations = self._possible.predict(encoded, np.zeros(len(encoded)))
        return np.asarray(np.maximum(ndtr(means / np.sqrt(deviations**2 + 0.05)), 1e-6))

    def _candidates(
        self, best: Sequence[Mapping[str, Any]], tried: Sequence[Mapping[str, Any]]
    ) -> Iterator[dict[str, Any]]:
        """Yield points that were not tried."""
        known = {_key(self._inside(point)) for point in tried}
        anywhere = (self._space.random(self._random).values for _ in range(_NUM_RANDOM))
        close = (self._near(point) for point in best for _ in range(_NUM_NEAR // len(best)))
        for point in (*anywhere, *close):
            key = _key(point)
            if key not in known:
                known.add(key)
                yield point

    def _inside(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return the point of the space that is nearest to one of a space that was wider before."""
        searched = self._space.searched
        return {
            name: nearest(value, searched[name])
            for name, value in point.items()
            if name in searched
        }

    def _near(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Return a point of which at least one parameter, mostly few, differ from a point's."""
        names = list(point)
        self._random.shuffle(names)
        number = 1
        while number < len(names) and self._random.random() < _ONE_MORE:
            number += 1
        changed = set(names[:number])

        def suggest(name: str, distribution: BaseDistribution) -> Any:
            if name in point and name not in changed:
                return point[name]
            is_number = not isinstance(distribution, CategoricalDistribution)
            if name in point and is_number and self._random.random() < _A_LITTLE:
                deviation = self._random.choice(_DEVIATIONS)
                return near(point[name], distribution, self._random, deviation)
            return near(None, distribution, self._random)

        return self._space.point(suggest).values

    def _encoded(self, points: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
        """Return (N, F) points as numbers."""
        searched = self._space.searched.items()
        return np.array(
            [
                [number for name, each in searched for number in encode(each, point.get(name))]
                for point in points
            ]
        )

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """Return a random value, of a parameter that the chosen point does not have."""
        return near(None, param_distribution, self._random)

    def reseed_rng(self) -> None:
        """Give the candidates a new seed."""
        self._random.seed()


def encode(distribution: BaseDistribution, value: Any) -> list[float]:
    """Return a parameter as numbers: 0 to 1 for a number of its range, one for each choice; the
    middle, or no choice, if there is none.
    """
    if isinstance(distribution, CategoricalDistribution):
        return [float(value is not None and choice == value) for choice in distribution.choices]
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    low, high = float(distribution.low), float(distribution.high)
    if value is None or low == high:
        return [0.5]
    if distribution.log:
        return [math.log(value / low) / math.log(high / low)]
    return [(value - low) / (high - low)]


def _is_impossible(trial: FrozenTrial) -> bool:
    """Return whether a trial's point cannot be trained to its end, or repeats such a point: it
    violates a constraint, or failed in all of its attempts.
    """
    has_failed = kind_of(trial) in ("error", "killed")
    return has_failed or any(violation > 0 for violation in trial.constraints.values())


def _last_step(trial: FrozenTrial) -> int | None:
    """Return the last step with a value; None if there is none."""
    return max(
        (step for step, value in trial.intermediate_values.items() if math.isfinite(value)),
        default=None,
    )


def _shown(trial: FrozenTrial, sign: int, last: int | None, last_of_all: int) -> _Seen | None:
    """Return what a trial shows; None if nothing can be learnt from it.

    A complete trial has its objective, and counts at the last step of all: it may have stopped
    early, or search its number of steps, or have reported none, as a repetition of another trial.

    Args:
        trial: The trial.
        sign: -1 where smaller values are better, else 1.
        last: Its last step with a value; None if there is none.
        last_of_all: The largest of these of all trials.
    """
    if trial.state == TrialState.WAITING or trial.state == TrialState.FAIL:
        return None
    if trial.state == TrialState.COMPLETE and trial.values:
        return _Seen(trial.params, last_of_all, sign * trial.values[0])
    if last is not None:
        return _Seen(trial.params, last, sign * trial.intermediate_values[last])
    # one that another worker has just begun may have no parameters yet
    point = fixed_params(trial)
    return _Seen(point, None, 0.0) if trial.state == TrialState.RUNNING and point else None


def _normal_scores(values: Sequence[float]) -> NDArray[Any]:
    """Return the normal scores of the ranks of values (Blom); equal values share a rank."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (counts.cumsum() - (counts - 1) / 2)[places]
    return np.asarray(ndtri((ranks - 0.375) / (len(values) + 0.25)))


def _expected_improvement(ahead: NDArray[Any], deviations: NDArray[Any]) -> NDArray[Any]:
    """Return the expected improvement of normal variables whose means lie `ahead` of the best."""
    scaled = ahead / deviations
    density = np.exp(-(scaled**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(deviations * (scaled * ndtr(scaled) + density))


def _key(point: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted((name, str(value)) for name, value in point.items()))
