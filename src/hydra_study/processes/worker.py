"""The loop of a worker: ask for trials, start them, handle their messages, tell their outcomes."""

import contextlib
import logging
import math
import time
from collections.abc import Callable

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import is_finalist, kind_of, was_paused
from hydra_study.interrupts import Interrupts, Overdue, closing_text
from hydra_study.processes.fork_server_client import ForkServerClient
from hydra_study.processes.message_handler import MessageHandler
from hydra_study.processes.running_trial import RunningTrial
from hydra_study.processes.trial_pool import TrialPool
from hydra_study.space.space import Space
from hydra_study.storage.heartbeat import Heartbeat, LivenessMonitor
from hydra_study.storage.locks import locked
from hydra_study.storage.patience import GaveUpWaitingError
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec, WorkerResult
from hydra_study.trials.ask import Asker
from hydra_study.trials.averages import trials_per_network
from hydra_study.trials.clock import StudyClock
from hydra_study.trials.duplicates import DuplicateIndex
from hydra_study.trials.outcomes import (
    UNCHARGED,
    Outcome,
    outcome_of_exception,
    parse_policies,
    read_outcome,
    write_outcome,
)
from hydra_study.trials.reap import orphans, reap
from hydra_study.trials.sampling import build_schedule
from hydra_study.trials.session import Session
from hydra_study.trials.tell import Teller

log = logging.getLogger(__name__)

_BEAT_EVERY = 1.0
_REAP_EVERY = 3.0
_ASK_EVERY = 0.3
# Longest wait for a lock or the storage after a signal.
_PATIENCE_AT_THE_END_S = 1.0
# Shorter waits, as for a lock that another worker holds, leave a report's answer to the schedule:
# a trial that is answered without it trains on where it should be paused or pruned.
_LET_TRAIN_AFTER_S = 2.0


class Worker:
    """One worker of a sweep.

    Args:
        spec: The sweep.
        index: Number of the worker in this session.
        fork_server: Its fork server.
        heartbeat: Its heartbeat.
        study: The worker's own connection to the study.
        space: The search space.
        watcher: Called often, to update the display.
    """

    def __init__(
        self,
        spec: SweepSpec,
        index: int,
        fork_server: ForkServerClient,
        heartbeat: Heartbeat,
        study: OpenStudy,
        space: Space,
        watcher: Callable[[], None],
    ) -> None:
        options = spec.options
        self.spec = spec
        self.study = study
        self.pool = TrialPool(spec, fork_server)
        self.result: WorkerResult | None = None
        self.clock = StudyClock(spec, keeps=index == 0)
        self._heartbeat = heartbeat
        self._watcher = watcher
        self._policies = parse_policies(options.policy)
        self._teller = Teller(study, spec.paths, self._policies, options.checkpoint)
        self._watch = LivenessMonitor(spec.paths.workers, options.stale_after)
        self._duplicates = DuplicateIndex(study, spec.session)
        schedule = build_schedule(spec)
        self._handler = MessageHandler(study, spec, self._teller, self._duplicates, schedule)
        self._session = Session(study, spec)
        self.asker = Asker(study, space, spec, heartbeat.worker, self._teller, schedule)
        # the monotonic clock may start below zero
        self._times = dict.fromkeys(("beat", "reap", "ask", "stop"), -math.inf)
        self._patience = _ASK_EVERY
        self._interrupts = Interrupts()
        # pauses grow with the number of workers, so that together they access the study as often
        self._many = options.workers / 16

    def run(self) -> WorkerResult:
        """Run trials until the budget is spent, the session is stopped or a signal arrives.

        Raises:
            GaveUpWaitingError: The storage did not answer in time; the running trials are closed
                and reaped by the next start.
        """
        with Interrupts(notice_within_s=_PATIENCE_AT_THE_END_S) as interrupts:
            self._interrupts = interrupts
            self.study.patience.meanwhile = self._work_on
            try:
                return self._work()
            except GaveUpWaitingError:
                self._abandon()
                if not interrupts.count:
                    raise
                return WorkerResult("interrupted", interrupts.signal)
            finally:
                self.study.patience.meanwhile = lambda waited_s: None

    def _work(self) -> WorkerResult:
        while self.result is None or self.pool.running:
            with contextlib.suppress(Overdue):  # the next turn handles the signal
                self._take_turn()
        self.clock.keep()
        return self.result

    def _take_turn(self) -> None:
        self._handle_signals(self._interrupts)
        if self.result is None:
            self._fill()
        elif not self.pool.running:
            return
        self._handle_messages()
        self.pool.watch()
        self._do_housekeeping()

    def _work_on(self, waited_s: float) -> None:
        """Do the work that needs no study during a wait for a lock or the storage.

        Raises:
            GaveUpWaitingError: A signal has arrived, and the wait takes too long.
        """
        self._handle_signals(self._interrupts)
        self.pool.watch()
        self._beat()
        if waited_s > _LET_TRAIN_AFTER_S:
            self._handler.let_train([*self.pool.running.values()])
        if self._interrupts.count and waited_s > _PATIENCE_AT_THE_END_S:
            raise GaveUpWaitingError("interrupted")

    def _abandon(self) -> None:
        """Close the trials without telling the study; the next start reaps them."""
        self.pool.close("the storage did not answer")
        end = time.monotonic() + self.spec.options.grace + 1
        while self.pool.running and time.monotonic() < end:
            self._handle_signals(self._interrupts)
            self.pool.watch()
            for number in self.pool.exits(timeout_s=0.1):
                self.pool.remove(self.pool.running[number])

    def _handle_signals(self, interrupts: Interrupts) -> None:
        """Close the running trials on the first signal, kill them on the next."""
        interrupts.notice()
        if interrupts.count and (self.result is None or self.result.signal is None):
            if self.spec.is_local and self.pool.running:
                log.info(closing_text(self.spec.options.grace))
            self._end("interrupted", interrupts.signal)
        if interrupts.count > 1:
            self.pool.kill()

    def _end(self, reason: str, signum: int | None = None) -> None:
        self.result = WorkerResult(reason, signum)
        self.pool.close(f"the sweep stopped: {reason}")

    def _is_due(self, what: str, every: float) -> bool:
        due = time.monotonic() - self._times[what] >= every
        if due:
            self._times[what] = time.monotonic()
        return due

    def _fill(self) -> None:
        """Start a trial in every free slot, as long as the budget has room."""
        if not self.pool.free or not self._is_due("ask", self._patience):
            return
        self._patience = min(2 * self._patience, max(1.0, self._many))
        stopped = self._session.stop_reason()
        if stopped:
            self._end(stopped)
        while self.pool.free and self.result is None:
            trial = self.asker.ask(self.pool.free[0].index, self.clock.seconds())
            if self.asker.over is not None:
                self._end(self.asker.over)
            if trial is None:
                return
            self._patience = _ASK_EVERY
            # another worker may have reaped the trial, taking this one for dead
            with contextlib.suppress(UpdateFinishedTrialError):
                self._start(trial)

    def _start(self, trial: optuna.Trial) -> None:
        """Start a trial in the first free slot, unless its point is known.

        One that was paused has its overrides already.
        """
        if was_paused(trial):
            self.pool.start(trial, list(trial.user_attrs[attributes.OVERRIDES]))
            return
        try:
            point = self.asker.suggest(trial)
        except (GaveUpWaitingError, UpdateFinishedTrialError):
            raise
        except Overdue:
            outcome = Outcome("killed", reason="interrupted while the sampler was computing")
            self._teller.tell(self._frozen(trial), outcome, again=True)
            raise
        except Exception as error:  # of the sampler or the hook, so every trial would fail
            self._teller.tell(self._frozen(trial), outcome_of_exception(error), again=False)
            raise
        trial.set_user_attr(attributes.OVERRIDES, point.overrides)
        again = attributes.RETRY_OF in trial.user_attrs or is_finalist(trial)
        if trials_per_network(self.spec.options) == 1 and not again:
            known = self._duplicates.same_point(trial.number, point.overrides)
            if known is not None:
                self._teller.tell_duplicate(self._frozen(trial), known)
                self._count(trial)
                return
        self.pool.start(trial, point.overrides)

    def _handle_messages(self) -> None:
        """Wait a moment for messages of the trials, and for the ends of their processes."""
        for running in self.pool.wait():
            self._receive(running)
        for number, signum in self.pool.exits().items():
            self._finish(number, signum)

    def _receive(self, running: RunningTrial) -> None:
        """Handle the messages of a trial, unless another worker has told its outcome."""
        try:
            self._handler.receive(running)
        except UpdateFinishedTrialError:
            self._lose(running)

    def _lose(self, running: RunningTrial) -> None:
        """Drop a trial that another worker has reaped because this one had no heartbeat."""
        if not running.is_lost:
            log.warning(
                "another worker has reaped trial %d, since this one had no heartbeat for a while",
                running.trial.number,
            )
        running.is_lost = True
        running.kill()

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self.study.trial(trial.number)

    def _finish(self, number: int, signum: int | None) -> None:
        """Tell the outcome of a trial whose process has ended."""
        running = self.pool.running[number]
        try:
            self._handler.receive_rest(running)
        except UpdateFinishedTrialError:
            self._lose(running)
        running.outcome = running.outcome or read_outcome(self.spec, number, self.spec.session)
        self._tell(running, signum)

    def _tell(self, running: RunningTrial, signum: int | None) -> None:
        """Tell the outcome of a trial and free its slot."""
        self.pool.remove(running)
        self._times["ask"] = -math.inf
        outcome = running.conclude(signum)
        if running.is_lost:
            return
        left = read_outcome(self.spec, running.trial.number, self.spec.session)
        if left is not None and left.kind != outcome.kind:
            with contextlib.suppress(OSError):  # the file must agree with the study
                write_outcome(self.spec, self.spec.paths.outcome(running.trial.number), outcome)
        again = running.again if outcome.kind == "killed" else None
        with self._asking_lock() if outcome.kind == "paused" else contextlib.nullcontext():
            trial = self._frozen(running.trial)
            if self._is_running_here(trial):
                try:
                    self._teller.tell(trial, outcome, again=again)
                except UpdateFinishedTrialError:  # another worker has reaped it meanwhile
                    return
            elif not trial.state.is_finished():  # or reaped it as paused
                return
        self._count(running.trial)

    def _asking_lock(self) -> contextlib.AbstractContextManager[None]:
        return locked(self.spec.paths.ask_lock, self.study.patience)

    def _is_running_here(self, trial: FrozenTrial) -> bool:
        """Return whether a trial is this worker's: another one may have reaped it as paused, and
        let it go on since.
        """
        return (
            kind_of(trial) == "running"
            and trial.user_attrs.get(attributes.WORKER) == self._heartbeat.worker
        )

    def _count(self, trial: optuna.Trial) -> None:
        """Update the display and the counts after a trial, and stop if its policy says so."""
        kind = kind_of(self._frozen(trial))
        self.asker.fruitless = self.asker.fruitless + 1 if kind in UNCHARGED else 0
        self._watcher()
        reason = self._session.stop_after(kind, self._policies[kind])
        if reason and self.result is None:
            self._end(reason)

    def _do_housekeeping(self) -> None:
        """Update display and heartbeat, and from time to time reap trials of dead workers."""
        self._watcher()
        self._beat()
        if self.result is None and self._is_due("stop", max(1.0, self._many)):
            stopped = self._session.stop_reason()
            if stopped:
                self._end(stopped)
        if self._is_due("reap", max(_REAP_EVERY, 2 * self._many)):
            self._drop_what_others_told()
            if orphans(self.study, self._watch):
                with self._asking_lock():
                    reap(self.study, self.spec, self._teller, self._watch)

    def _beat(self) -> None:
        if self._is_due("beat", _BEAT_EVERY):
            self._heartbeat.beat({**self.pool.state(), "seconds": round(self.clock.seconds(), 1)})
            self.clock.keep()

    def _drop_what_others_told(self) -> None:
        """Drop the trials that train here and whose outcome another worker has told."""
        unfinished = {
            trial.number
            for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        }
        for number, running in self.pool.running.items():
            if running.training and running.outcome is None and number not in unfinished:
                self._lose(running)
