"""Finalists: the best trials of a study, trained again with other seeds, which choose the winner.

The value of the best of many trials is biased upwards, because it was chosen for being the best;
the values of new seeds are not.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from omegaconf import DictConfig, OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of
from hydra_study.errors import StudyError
from hydra_study.intervals import Spread, paired_difference, spread
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.ranking import rank_key
from hydra_study.trials.retry import fixed_params

_RULE = "hydra.sweeper.finalists must be null or {top: COUNT, seeds: COUNT} with counts from 1"


@dataclass(frozen=True)
class Finals:
    """The option `hydra.sweeper.finalists`.

    Attributes:
        top: How many of the best trials are trained again.
        seeds: With how many other seeds each.
    """

    top: int = 5
    seeds: int = 3


def parse_finals(spec: SweepSpec) -> Finals | None:
    """Read `hydra.sweeper.finalists`; None if it is null.

    Raises:
        StudyError: It has another form, or the sweep has several objectives, or neither `n_trials`
            nor `early_stopping`.
    """
    given = spec.options.finalists
    if given is None:
        return None
    if not isinstance(given, Mapping) or not set(given) <= {"top", "seeds"}:
        raise StudyError(f"{_RULE}, but got {given!r}")
    if any(not isinstance(count, int) or count < 1 for count in given.values()):
        raise StudyError(f"{_RULE}, but got {dict(given)}")
    is_endless = spec.options.n_trials is None and spec.options.early_stopping is None
    if spec.objectives.several or is_endless:
        rule = (
            "hydra.sweeper.finalists needs one objective, and n_trials or early_stopping, after"
            " which they train"
        )
        raise StudyError(
            f"{rule}, but got {', '.join(spec.objectives.names)} and n_trials="
            f"{spec.options.n_trials}; set hydra.sweeper.finalists=null or these"
        )
    return Finals(**{str(key): count for key, count in given.items()})


def check_seed(spec: SweepSpec, config: DictConfig) -> None:
    """Check that finalists can differ in their seed.

    Raises:
        StudyError: The config has no whole number at `hydra.sweeper.seed_key`.
    """
    key = spec.options.seed_key
    seed = OmegaConf.select(config, key)
    if spec.options.finalists is not None and not isinstance(seed, int):
        raise StudyError(
            f"hydra.sweeper.finalists needs a whole number at {key} (hydra.sweeper.seed_key), to"
            f" which it adds, but got {seed!r}; set {key}=0"
        )


def waiting_finalist(trials: Sequence[FrozenTrial]) -> FrozenTrial | None:
    """Return the first finalist that is queued, or None."""
    queued = (trial for trial in trials if trial.state == TrialState.WAITING)
    return next((trial for trial in queued if is_finalist(trial)), None)


def queue_finalists(study: OpenStudy, trials: Sequence[FrozenTrial], spec: SweepSpec) -> bool:
    """Queue the finalists that were not queued before; return whether there is one.

    The caller holds the ask lock. A finalist's repetition, which is added to its seed, follows
    those that `hydra.sweeper.repeat` may have used.
    """
    finals = parse_finals(spec)
    if finals is None:
        return False
    known = {_identity(trial) for trial in trials if is_finalist(trial)}
    queued = False
    repetitions = range(spec.options.repeat, spec.options.repeat + finals.seeds)
    for repetition in repetitions:
        for trial in best_of_search(trials, maximize=spec.objectives.maximizes)[: finals.top]:
            if (trial.number, repetition) in known:
                continue
            attrs: dict[str, Any] = {
                attributes.FINALIST_OF: trial.number,
                attributes.REPETITION: repetition,
            }
            study.enqueue_trial(fixed_params(trial), user_attrs=attrs)
            queued = True
    return queued


def _identity(trial: FrozenTrial) -> tuple[int, int]:
    attrs = trial.user_attrs
    return attrs[attributes.FINALIST_OF], attrs[attributes.REPETITION]


def best_of_search(trials: Sequence[FrozenTrial], *, maximize: bool) -> list[FrozenTrial]:
    """Return the complete trials of the search, the best first, and one of each network.

    Args:
        trials: All trials of the study.
        maximize: Whether larger values are better.
    """
    complete = [
        trial for trial in trials if kind_of(trial) == "complete" and not is_finalist(trial)
    ]
    distinct: dict[Any, FrozenTrial] = {}
    for trial in sorted(complete, key=lambda one: rank_key(one, maximize=maximize)):
        distinct.setdefault(trial.user_attrs.get(attributes.HASH, trial.number), trial)
    return list(distinct.values())


@dataclass(frozen=True)
class Finalist:
    """One of the best trials, with the values of its other seeds.

    Attributes:
        trial: The trial of the search.
        values: The values of its other seeds, by repetition.
    """

    trial: FrozenTrial
    values: dict[int, float] = field(default_factory=dict)

    @property
    def counted(self) -> list[float]:
        """The values that decide: those of the other seeds, with the first one if there is only one
        other.
        """
        new = list(self.values.values())
        return new if len(new) > 1 else [*new, self.trial.values[0]]

    @property
    def spread(self) -> Spread:
        """Mean and spread of the values that decide, of which there are at least two."""
        found = spread(self.counted)
        assert found is not None
        return found

    @property
    def mean(self) -> float:
        """Their mean."""
        return self.spread.mean

    @property
    def standard_error(self) -> float:
        """The standard error of the mean."""
        error = self.spread.standard_error
        assert error is not None
        return error


@dataclass(frozen=True)
class FinalsDecision:
    """What the finalists decide.

    Attributes:
        finalists: Those with the most values, the best mean first.
        alike: Numbers of the trials whose difference to the winner has a 95 % interval that
            includes zero, or that have one new seed.
        optimism: By how much the first value of the winner is better than the mean of its other
            seeds.
        mean_optimism: The same, as a mean over the finalists.
    """

    finalists: list[Finalist]
    alike: list[int]
    optimism: float
    mean_optimism: float

    @property
    def winner(self) -> Finalist:
        """The finalist with the best mean."""
        return self.finalists[0]

    def lines(self) -> list[str]:
        """Return the decision in words."""
        best = self.winner
        count = len(self.finalists)
        rank = "the one finalist" if count == 1 else f"winner of {count} finalists"
        said = [
            f"{rank}: trial {best.trial.number},"
            f" {best.mean:.5g} +- {best.standard_error:.2g} (mean and standard error of"
            f" {len(best.counted)} seeds)"
        ]
        if self.alike:
            numbers = " and ".join(str(number) for number in [best.trial.number, *self.alike])
            said.append(f"trials {numbers} cannot be told apart")
        said.append(
            f"optimism of the search: {self.optimism:.2g} for the winner, {self.mean_optimism:.2g}"
            " on average (first value against the mean of new seeds)"
        )
        return said


def decide_finals(trials: Sequence[FrozenTrial], *, maximize: bool) -> FinalsDecision | None:
    """Return what the finalists decide, or None while there are none or some have not ended.

    Args:
        trials: All trials of the study.
        maximize: Whether larger values are better.
    """
    finalists: dict[int, Finalist] = {}
    for trial in trials:
        if not is_finalist(trial):
            continue
        if not trial.state.is_finished():
            return None
        number, repetition = _identity(trial)
        one = finalists.setdefault(number, Finalist(trials[number]))
        if kind_of(trial) == "complete":
            one.values[repetition] = trial.values[0]
    most = max((len(one.values) for one in finalists.values()), default=0)
    if not most:
        return None
    sign = -1.0 if maximize else 1.0
    ranked = sorted(
        (one for one in finalists.values() if len(one.values) == most),
        key=lambda one: (sign * one.mean, one.trial.number),
    )
    gains = [sign * (statistics.fmean(one.values.values()) - one.trial.values[0]) for one in ranked]
    pairs = ((one, paired_difference(ranked[0].values, one.values)) for one in ranked[1:])
    alike = [one.trial.number for one, apart in pairs if apart is None or apart.includes_zero]
    return FinalsDecision(ranked, alike, gains[0], statistics.fmean(gains))
