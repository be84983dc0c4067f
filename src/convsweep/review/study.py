"""A snapshot of a study: trials by kind, best trials, names of objectives and parameters."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_study import FinalsDecision, attributes, decide_finals, is_charged, kind_of
from hydra_study.attributes import is_finalist


@dataclass(frozen=True)
class Sweep:
    """A snapshot of a study.

    Attributes:
        name: of the study.
        maximise: for every objective, whether larger is better.
        trials: all of them, in order.
        study_attrs: the study's own attributes.
        folder: of the sweep, if it is on this machine.
        config: of the sweep (`multirun.yaml`), empty if it is missing.
    """

    name: str
    maximise: tuple[bool, ...]
    trials: Sequence[FrozenTrial]
    study_attrs: dict[str, Any]
    folder: Path | None
    config: DictConfig

    @cached_property
    def objectives(self) -> tuple[str, ...]:
        """Names of the objectives."""
        return objective_names(self.config, len(self.maximise))

    def option(self, name: str) -> Any:
        """Return an option of the sweeper, None if unknown."""
        return self.config_value(f"hydra.sweeper.{name}")

    def config_value(self, key: str) -> Any:
        """Return a value of the sweep's config, None as for the function `config_value`."""
        return config_value(self.config, key)

    @cached_property
    def kinds(self) -> Counter[str]:
        """Number of trials of each kind."""
        return Counter(kind_of(trial) for trial in self.trials)

    @cached_property
    def num_charged(self) -> int:
        """Trials that count towards the budget."""
        return sum(is_charged(trial) for trial in self.trials)

    @cached_property
    def complete(self) -> list[FrozenTrial]:
        """Complete trials, without repetitions of a network: they have no score of their own, or
        are finalists, which decide together.
        """
        return [
            trial
            for trial in self.trials
            if trial.state == TrialState.COMPLETE
            and kind_of(trial) == "complete"
            and not is_finalist(trial)
        ]

    @cached_property
    def ranked(self) -> list[FrozenTrial]:
        """Complete trials, the best by the first objective first."""
        return sorted(
            self.complete,
            key=lambda trial: -trial.values[0] if self.maximise[0] else trial.values[0],
        )

    @cached_property
    def decision(self) -> FinalsDecision | None:
        """What the finalists decide, or None."""
        return decide_finals(self.trials, maximize=self.maximise[0])

    @property
    def best(self) -> FrozenTrial | None:
        """The trial that the finalists chose, else the best complete one by the first
        objective.
        """
        if self.decision is not None:
            return self.decision.winner.trial
        return self.ranked[0] if self.ranked else None

    @cached_property
    def front(self) -> list[FrozenTrial]:
        """Complete trials on the Pareto front, ordered by the first objective."""
        directions = [
            StudyDirection.MAXIMIZE if more else StudyDirection.MINIMIZE for more in self.maximise
        ]
        study = optuna.create_study(directions=directions)
        study.add_trials(self.complete)
        chosen = {self.complete[trial.number].number for trial in study.best_trials}
        return [trial for trial in self.ranked if trial.number in chosen]

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return len(self.maximise) > 1

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Searched parameters in the order of the space, each with the distribution of its last
        trial.
        """
        found: dict[str, BaseDistribution] = {}
        for trial in self.trials:
            found.update(trial.distributions)
        space = [key.lstrip("+") for key in self.study_attrs.get(attributes.STUDY_SPACE, {})]
        order = {name: place for place, name in enumerate(space)}
        return dict(sorted(found.items(), key=lambda item: order.get(item[0], len(order))))

    @cached_property
    def searched_params(self) -> list[str]:
        """Parameters with more than one possible value."""
        return [
            name for name, distribution in self.distributions.items() if not distribution.single()
        ]

    @cached_property
    def labels(self) -> dict[str, str]:
        """The last part of each parameter's name, or the whole name if that is ambiguous."""
        short = {name: name.lstrip("$").rpartition(".")[2] for name in self.distributions}
        count = Counter(short.values())
        return {name: label if count[label] == 1 else name for name, label in short.items()}

    @cached_property
    def conditional(self) -> dict[str, int]:
        """Parameters that only some complete trials have, with the number of these trials."""
        count = {
            name: sum(name in trial.params for trial in self.complete)
            for name in self.searched_params
        }
        return {name: number for name, number in count.items() if number < len(self.complete)}

    def is_categorical(self, name: str) -> bool:
        """Return whether a parameter is a choice of non-numeric values."""
        distribution = self.distributions[name]
        return isinstance(distribution, CategoricalDistribution) and not all(
            isinstance(choice, int | float) and not isinstance(choice, bool)
            for choice in distribution.choices
        )

    @property
    def is_running(self) -> bool:
        """Whether a trial is running."""
        return self.kinds["running"] > 0


def config_value(config: DictConfig, key: str) -> Any:
    """Return a value of a sweep's config, None if it is missing or cannot be resolved outside of
    the sweep.
    """
    try:
        value = OmegaConf.select(config, key)
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException:
        return None


def objective_names(config: DictConfig, count: int) -> tuple[str, ...]:
    """Return the names of a sweep's objectives: from the runs' config, else from the directions,
    else numbers.
    """
    monitored, directions = (
        config_value(config, "monitor.metric"),
        config_value(config, "hydra.sweeper.direction"),
    )
    candidates = [config_value(config, "objectives"), [monitored] if monitored else None]
    candidates += [list(directions) if isinstance(directions, dict) else None, ["score"]]
    numbers = [f"value {index}" for index in range(count)]
    return tuple(
        str(name)
        for name in next((names for names in candidates if names and len(names) == count), numbers)
    )


def seconds_of(trial: FrozenTrial) -> float | None:
    """Return the duration of a trial in seconds, from its own record or else from the study."""
    said = trial.user_attrs.get(attributes.SECONDS)
    if said is not None:
        return float(said)
    duration = trial.duration
    return None if duration is None else duration.total_seconds()


def moment(time: datetime) -> datetime:
    """Return a storage's time in UTC; a journal stores aware times, a database naive UTC."""
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
