"""One replayed search: trials that are trained epoch by epoch until the budget is spent."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import optuna
from benchmarks.search.worlds import Network, World
from numpy.typing import NDArray
from optuna.pruners import BasePruner, NopPruner
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial, TrialState

from hydra_study.attributes import KIND, was_queued
from hydra_study.trials.prior import PriorSampler

Unit = Literal["epochs", "seconds"]

# A sampler that proposes nothing that fits would go on for ever, since refusals cost nothing.
MAX_REFUSALS = 400

FORMER_TRAININGS = 20
FORMER_SEED = 1_000_000  # added to seeds and numbers, so that nothing is drawn twice


class SpentError(Exception):
    """The budget of the search is spent."""


@dataclass
class Trial:
    """A network of the search.

    Attributes:
        number: Number of the trial in the study.
        network: What its training shows.
        optuna: The trial of the study.
        done: Epochs trained.
    """

    number: int
    network: Network
    optuna: optuna.Trial
    done: int = 0

    @property
    def value(self) -> float:
        """The best validation accuracy so far: the objective of the program."""
        return float(self.network.val[: self.done].max(initial=0.0))

    @property
    def last(self) -> float:
        """The validation accuracy of the last epoch, which is reported."""
        return float(self.network.val[self.done - 1])


@dataclass
class Run:
    """A search in a world.

    Args:
        world: What is trained.
        budget: Epochs or seconds.
        unit: What the budget counts.
        sampler: Proposes points, where the world takes them.
        pruner: Of methods that prune by Optuna.
        told_refusals: `constraint` with 1, `excess` with the amount, as the program does now, or
            `fail`.
        startup: Trials that train at random points before the sampler is asked; 0: the sampler
            counts its own.
        seed: Of these random points.
        known: The points that are known beforehand: `nothing`; the `best` or the `worst` one of a
            former search of 20 random trainings, which costs nothing; or the task's network made by
            `hand`.
        use: What is done with them: `queue` them; draw `near` them; or both, as the program does
            with a `prior`.

    Attributes:
        spent: Part of the budget.
        found: Cost, believed and true accuracy whenever the choice changes: the best of the trials
            that are complete.
    """

    world: World
    budget: float
    unit: Unit = "epochs"
    sampler: BaseSampler | None = None
    pruner: BasePruner | None = None
    told_refusals: str = "constraint"
    startup: int = 0
    seed: int = 0
    known: Literal["nothing", "best", "worst", "hand"] = "nothing"
    use: Literal["queue", "near", "prior"] = "prior"
    spent: float = 0.0
    found: list[tuple[float, float, float]] = field(default_factory=list)
    refused: int = 0
    trials: list[Trial] = field(default_factory=list)
    by_number: dict[int, Trial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.random = RandomSampler(seed=self.seed)
            self.study = optuna.create_study(
                direction="maximize",
                sampler=self.sampler or RandomSampler(seed=0),
                pruner=self.pruner or NopPruner(),
            )
        if self.known != "nothing":
            point = (
                dict(self.world.task.hand_made)
                if self.known == "hand"
                else former_point(self.world, self.seed, is_best=self.known == "best")
            )
            if self.use != "near":
                self.study.enqueue_trial(point)
            if self.use != "queue":
                self.study.sampler = PriorSampler(self.study.sampler, [point], self.seed)

    @property
    def num_epochs(self) -> int:
        """Epochs of a full training."""
        return self.world.num_epochs

    def new(self, shows_paused: bool = False) -> Trial:
        """Return a new trial; points that the budget refuses are told to the sampler and cost
        nothing.

        Args:
            shows_paused: let the sampler see the trials that wait.

        Raises:
            SpentError: the sampler finds nothing else.
        """
        sampler = self.study.sampler
        if len(self.trials) < self.startup:
            self.study.sampler = self.random
        try:
            with self.paused_as_pruned() if shows_paused else nullcontext():
                return self.proposed()
        finally:
            self.study.sampler = sampler

    def proposed(self) -> Trial:
        """Return a trial at a point that fits the budget."""
        for _ in range(MAX_REFUSALS):
            asked = self.study.ask()
            if isinstance(self.study.sampler, PriorSampler) and not was_queued(self.frozen()[-1]):
                self.study.sampler.begin(asked, len(self.trials))
            values: Mapping[str, Any] = {}
            if self.world.takes_points:
                values = self.world.task.space.point(asked._suggest).values
            network = self.world.network(asked.number, values)
            if network.excess <= 0:
                return self.begin(asked, network)
            self.refuse(asked, network.excess)
        raise SpentError

    def begin(self, asked: optuna.Trial, network: Network) -> Trial:
        """Return the trial of a network that fits the budget."""
        trial = self.by_number[asked.number] = Trial(asked.number, network, asked)
        self.trials.append(trial)
        return trial

    def at(self, values: Mapping[str, Any]) -> Trial | None:
        """Return a trial at a point that another program proposes; None if the budget refuses it.

        Raises:
            SpentError: too many points were refused.
        """
        asked = self.study.ask()
        network = self.world.network(asked.number, values)
        if network.excess <= 0:
            return self.begin(asked, network)
        self.refuse(asked, network.excess)
        if self.refused > MAX_REFUSALS:
            raise SpentError
        return None

    def refuse(self, asked: optuna.Trial, excess: float) -> None:
        """Tell the study of a point that the budget refuses."""
        self.refused += 1
        asked.set_user_attr(KIND, "infeasible")
        if self.told_refusals == "fail":
            self.study.tell(asked, state=TrialState.FAIL)
            return
        asked.set_constraint("infeasible", excess if self.told_refusals == "excess" else 1.0)
        self.study.tell(asked, state=TrialState.PRUNED)

    def train(self, trial: Trial) -> float:
        """Train a trial for one more epoch and return its validation accuracy.

        Raises:
            SpentError: the budget does not have the epoch.
        """
        cost = 1.0 if self.unit == "epochs" else float(trial.network.seconds[trial.done])
        if self.spent + cost > self.budget:
            raise SpentError
        self.spent += cost
        trial.done += 1
        trial.optuna.report(trial.last, trial.done)
        return trial.last

    def is_done(self, trial: Trial) -> bool:
        """Return whether a trial is trained to its end."""
        return trial.done >= self.num_epochs

    def complete(self, trial: Trial) -> None:
        """Tell the study of a trial that is trained to its end."""
        trial.optuna.set_user_attr(KIND, "complete")
        self.study.tell(trial.optuna, trial.value)
        if not self.found or trial.value > self.found[-1][1]:
            self.found.append((self.spent, trial.value, trial.network.true))

    def prune(self, trial: Trial) -> None:
        """Tell the study of a trial that ends early."""
        self.study.tell(trial.optuna, state=TrialState.PRUNED)

    def frozen(self) -> list[FrozenTrial]:
        """Return the trials as the study has them."""
        return self.study.get_trials(deepcopy=False)

    @contextmanager
    def paused_as_pruned(self) -> Iterator[None]:
        """Let the sampler see trials that wait as pruned ones, as the program does; Optuna has no
        state for them.
        """
        storage: Any = self.study._storage
        waiting = [
            storage._get_trial(trial.optuna._trial_id)
            for trial in self.trials
            if not self.is_done(trial) and trial.done
        ]
        for frozen in waiting:
            frozen.state = TrialState.PRUNED
        try:
            yield
        finally:
            for frozen in waiting:
                frozen.state = TrialState.RUNNING


def at(found: list[tuple[float, float, float]], costs: NDArray[Any]) -> NDArray[Any]:
    """Return (2, C): believed and true accuracy of the choice at each cost; 0 before the first."""
    points = np.array([(0.0, 0.0, 0.0), *found])
    return points[np.searchsorted(points[:, 0], costs, side="right") - 1, 1:].T


def former_point(world: World, seed: int, *, is_best: bool) -> dict[str, Any]:
    """Return the best or the worst point of a former search: 20 random networks that fit the
    budget, trained with noise of their own.
    """
    study = optuna.create_study(sampler=RandomSampler(seed=FORMER_SEED + seed))
    known: list[tuple[float, dict[str, Any]]] = []
    while len(known) < FORMER_TRAININGS:
        asked = study.ask()
        values = world.task.space.point(asked._suggest).values
        network = world.network(FORMER_SEED + asked.number, values)
        if network.excess <= 0:
            known.append((float(network.val.max()), asked.params))
    return (max if is_best else min)(known, key=lambda one: one[0])[1]
