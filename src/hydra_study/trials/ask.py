"""Ask the study for the next trial, within the budget and away from known points."""

import contextlib
import logging
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of, was_queued
from hydra_study.dotted_path import locate
from hydra_study.space.parameters import override_text
from hydra_study.space.space import Point, Space
from hydra_study.storage.leftovers import remove_unfinished
from hydra_study.storage.locks import locked
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.averages import trials_per_network
from hydra_study.trials.budget import Ledger, Tally, TrialBudget
from hydra_study.trials.early_stopping import parse_early_stopping
from hydra_study.trials.finalists import queue_finalists, waiting_finalist
from hydra_study.trials.outcomes import Outcome, write_outcome
from hydra_study.trials.prior import PriorSampler
from hydra_study.trials.pruning import OneObjective
from hydra_study.trials.retry import fixed_params
from hydra_study.trials.samplers_view import has_other_ranges, view_of_samplers
from hydra_study.trials.sampling import GridSampler
from hydra_study.trials.schedules import Promotion, Room
from hydra_study.trials.tell import Teller

log = logging.getLogger("study")

_STUCK_AFTER = 3
_GIVE_UP_AFTER = 500


class Asker:
    """Asks the study for the trials of one worker.

    Args:
        study: The study, with its sampler.
        space: The search space.
        spec: The sweep.
        worker: Name of the worker.
        teller: Tells the outcomes of trials that will not go on.
        schedule: Decides which paused trials go on, or None.

    Attributes:
        over: Why there are no more trials to run; None while there are.
        fruitless: Number of infeasible or duplicate trials in a row, counted by the worker.
        count: Counts of the trials at the last call of `ask`.
    """

    def __init__(
        self,
        study: OpenStudy,
        space: Space,
        spec: SweepSpec,
        worker: str,
        teller: Teller,
        schedule: Promotion | None,
    ) -> None:
        self._study = study
        is_changed = not getattr(study.sampler, "learns_beyond", False) and any(
            has_other_ranges(trial, space.searched) for trial in study.get_trials(deepcopy=False)
        )
        needs_view = schedule is not None or is_changed
        searched = space.searched if is_changed else {}
        self._asked = view_of_samplers(study, searched) if needs_view else study
        self._teller = teller
        self._schedule = schedule
        self._space = space
        self._spec = spec
        self._worker = worker
        self._random = random.Random(worker)
        options = spec.options
        self._budget = TrialBudget(options.n_trials, options.timeout, options.target)
        self._early_stopping = parse_early_stopping(spec)
        self.over: str | None = None
        self.fruitless = 0
        self.count = Tally()
        self._ledger = Ledger(spec.objectives)
        if isinstance(study.sampler, GridSampler):
            study.sampler.check(space)

    def ask(self, slot: int, seconds: float) -> optuna.Trial | None:
        """Return a running trial of this worker, which is new or was paused, or None if the budget
        has no room for one now.

        Retries come first, then paused trials that may go on, then new points; where `timeout` is
        too near for a new point, the other paused ones.

        Args:
            slot: Index of the slot that it will run in.
            seconds: How long the study has run, over all its starts.
        """
        with locked(self._spec.paths.ask_lock, self._study.patience):
            trials = self._study.get_trials(deepcopy=False)
            self.count = self._ledger.tally(trials)
            self.over = self._budget.end_reason(self.count, seconds, self._spec.objectives)
            if self.over is not None:
                return None
            if self._drop_hopeless(trials):
                trials = self._study.get_trials(deepcopy=False)
            return self._next(trials, slot, seconds)

    def _next(
        self, trials: Sequence[FrozenTrial], slot: int, seconds: float
    ) -> optuna.Trial | None:
        is_late = self._is_late(trials, seconds)
        too_late = self._too_late(trials, seconds)
        enough = too_late
        if enough is None and self._early_stopping is not None:
            enough = self._early_stopping.reason(trials)
        has_room = self._budget.has_room(self.count)
        retries = has_room and self.count.kinds["waiting"] > 0 and _has_retries(trials)
        if not retries:
            paused = self._promotable(trials) or (
                self._promotable(trials, "all") if is_late else None
            )
            if paused is not None:
                return self._resume(paused, slot)
        has_room = retries or (has_room and enough is None)
        if has_room and (self.count.kinds["waiting"] or self._steer(trials)):
            return self._begin(slot)
        finalist = waiting_finalist(trials)
        if self.over is None and finalist is not None:
            return self._begin_queued(finalist, slot)
        self.over = self.over or self._budget.done_reason(self.count)
        if self.over is None and not self.count.running:
            self.over = enough
        if self.over is not None and not self.count.running:
            paused = self._promotable(trials, "one")
            if paused is not None:
                self.over = None
                return self._resume(paused, slot)
            if too_late is None and queue_finalists(self._study, trials, self._spec):
                self.over = None
                finalist = waiting_finalist(self._study.get_trials(deepcopy=False))
                assert finalist is not None
                return self._begin_queued(finalist, slot)
        return None

    def _begin(self, slot: int) -> optuna.Trial:
        trial = self._asked.ask()
        sampler = self._study.sampler
        if isinstance(sampler, PriorSampler) and not was_queued(self._study.trial(trial.number)):
            sampler.begin(trial, self.count.charged)
        return self._signed(trial, slot)

    def _begin_queued(self, waiting: FrozenTrial, slot: int) -> optuna.Trial:
        """Begin a queued trial, also if others were queued before it."""
        trial_id = self._study.trial_id(waiting.number)
        self._study.storage.set_trial_state_values(trial_id, TrialState.RUNNING)
        return self._signed(optuna.Trial(OneObjective(self._study), trial_id), slot)

    def _signed(self, trial: optuna.Trial, slot: int) -> optuna.Trial:
        for key, value in self._signature(slot).items():
            trial.set_user_attr(key, value)
        return trial

    def _promotable(
        self, trials: Sequence[FrozenTrial], room: Room = "share"
    ) -> FrozenTrial | None:
        return None if self._schedule is None else self._schedule.promotable(trials, room)

    def _is_late(self, trials: Sequence[FrozenTrial], seconds: float) -> bool:
        """Return whether a point that begins now would not be trained to its end within `timeout`,
        by the median of the trials that were; without these, whether half of it is over.
        """
        timeout = self._spec.options.timeout
        if self._schedule is None or timeout is None:
            return False
        lengths = _lengths(trials)
        return seconds + (median(lengths) if lengths else timeout / 2) > timeout

    def _too_late(self, trials: Sequence[FrozenTrial], seconds: float) -> str | None:
        """Return that a trial which begins now would be killed at `timeout`, even if it were as
        short as the shortest one so far; None if it might end, or only reach a rung.
        """
        timeout = self._spec.options.timeout
        if self._schedule is not None or timeout is None:
            return None
        lengths = _lengths(trials)
        if not lengths or seconds + min(lengths) <= timeout:
            return None
        return (
            f"no trial would end within the timeout of {timeout:g} s: the shortest took"
            f" {min(lengths):.3g} s"
        )

    def _resume(self, paused: FrozenTrial, slot: int) -> optuna.Trial:
        """Let a paused trial go on; its state changes last, so that it stays paused if this worker
        dies before.
        """
        # of its pause, which would be told again if it is killed
        self._spec.paths.outcome(paused.number).unlink(missing_ok=True)
        checkpoint = self._teller.checkpoints.newest(paused)
        if checkpoint is None:
            log.warning(
                "trial %d goes on from its start, since it has no checkpoint that matches"
                " hydra.sweeper.checkpoint=%s",
                paused.number,
                self._spec.options.checkpoint,
            )
        own = {
            attributes.CHECKPOINT: checkpoint,
            attributes.STARTED: datetime.now(UTC).isoformat(),
            attributes.PAUSED_AT: None,
        }
        trial_id = self._study.trial_id(paused.number)
        for key, value in {**self._signature(slot), **own}.items():
            self._study.storage.set_trial_user_attr(trial_id, key, value)
        return optuna.Trial(OneObjective(self._study), trial_id)  # its sampler has nothing to do

    def _drop_hopeless(self, trials: Sequence[FrozenTrial]) -> bool:
        """End the paused trials that can no longer go on, and free their disk; return whether there
        were any.
        """
        if self._schedule is None:
            return False
        hopeless = self._schedule.hopeless(trials, self._spec.options.n_trials)
        for trial in hopeless:
            step = trial.user_attrs[attributes.PAUSED_AT]
            reason = f"paused at step {step}; enough others are better"
            outcome = Outcome("pruned", reason=reason)
            path = self._spec.paths.outcome(trial.number)
            remove_unfinished(path)  # of a worker that was killed at this
            path.unlink(missing_ok=True)
            self._teller.drop_checkpoints(trial, outcome.kind)
            with contextlib.suppress(OSError):  # a full disk; no file is not a wrong one
                write_outcome(self._spec, path, outcome)
            self._teller.tell(trial, outcome)
        return bool(hopeless)

    def _signature(self, slot: int) -> dict[str, Any]:
        return {
            attributes.WORKER: self._worker,
            attributes.SLOT: slot,
            attributes.SESSION: self._spec.session,
        }

    def _steer(self, trials: Sequence[FrozenTrial]) -> bool:
        """Queue a point instead of the sampler's: on a grid, and when it only finds known points.

        Returns:
            Whether a trial can be asked for.
        """
        is_grid = isinstance(self._study.sampler, GridSampler)
        if not is_grid and self.fruitless < _STUCK_AFTER:
            return True
        if self.fruitless >= _GIVE_UP_AFTER:
            self.over = (
                f"{self.fruitless} points in a row were infeasible or known; the space seems to be"
                " exhausted"
            )
            return False
        if self._space.size is None or (self._spec.options.suggest is not None and not is_grid):
            if self.fruitless % 2:
                self._queue_drawn(self._space.random(self._random).values)
            return True
        fresh = self._untried_points(trials)
        if not fresh:
            if self.count.running:
                return False
            self.over = f"the space is exhausted: all of its {self._space.size} points are known"
            return False
        self._queue_drawn(fresh[0] if is_grid else self._random.choice(fresh))
        return True

    def _queue_drawn(self, values: dict[str, Any]) -> None:
        self._study.enqueue_trial(values, user_attrs={attributes.DRAWN: True})

    def _untried_points(self, trials: Sequence[FrozenTrial]) -> list[dict[str, Any]]:
        repeat = trials_per_network(self._spec.options)
        counts: dict[tuple[Any, ...], int] = {}
        for trial in trials:
            if not trial.user_attrs.get(attributes.RETRIED):
                key = _key(fixed_params(trial))
                final = kind_of(trial) in ("infeasible", "duplicate")
                counts[key] = counts.get(key, 0) + (repeat if final else 1)
        points = (point.values for point in self._space.points())
        return [values for values in points if counts.get(_key(values), 0) < repeat]

    def suggest(self, trial: optuna.Trial) -> Point:
        """Return the point of a trial: the suggested parameters and the overrides of the hook
        `hydra.sweeper.suggest`.

        Workers do so in turn, so that each knows the points of the others.
        """
        with locked(self._spec.paths.ask_lock, self._study.patience):
            point = self._space.point(
                lambda name, distribution: _suggest(trial, name, distribution)
            )
        hook = self._spec.options.suggest
        if hook is None:
            return point
        extra = locate(hook, "hydra.sweeper.suggest")(trial, dict(point.values))
        return Point(point.values, [*point.overrides, *_texts(extra)])


def _lengths(trials: Sequence[FrozenTrial]) -> list[float]:
    """Return the seconds of each complete trial; not of retries, which may have resumed from a
    checkpoint.
    """
    return [
        trial.user_attrs.get(attributes.SECONDS, 0.0)
        for trial in trials
        if kind_of(trial) == "complete" and attributes.RETRY_OF not in trial.user_attrs
    ]


def _has_retries(trials: Sequence[FrozenTrial]) -> bool:
    return any(
        trial.state == TrialState.WAITING and attributes.RETRY_OF in trial.user_attrs
        for trial in trials
    )


def _key(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(sorted(values.items()))


def _texts(extra: Mapping[str, Any] | Sequence[str]) -> list[str]:
    """Return the result of the hook as overrides."""
    if not isinstance(extra, Mapping):
        return list(extra)
    return [
        f"{key}={value if isinstance(value, str) else override_text(value)}"
        for key, value in extra.items()
    ]


def _suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return trial.suggest_categorical(name, distribution.choices)
    if isinstance(distribution, IntDistribution):
        low, high = distribution.low, distribution.high
        return trial.suggest_int(name, low, high, step=distribution.step, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    low_, high_ = distribution.low, distribution.high
    return trial.suggest_float(name, low_, high_, step=distribution.step, log=distribution.log)
