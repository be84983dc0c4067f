"""A worker: for each of its slots it asks, starts the trial, listens, tells, and asks again."""

import contextlib
import logging
import math
import select
import time
from collections.abc import Callable
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.interrupts import Interrupts
from hydra_study.processes.fork_server_client import ForkServerClient
from hydra_study.processes.message_handler import MessageHandler
from hydra_study.processes.messages import Channel
from hydra_study.processes.running_trial import RunningTrial
from hydra_study.processes.slots import make_slots
from hydra_study.space.space import Space
from hydra_study.storage.heartbeat import Heartbeat, LivenessMonitor
from hydra_study.storage.locks import locked
from hydra_study.storage.patience import WaitedInVainError
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import Job, SweepSpec, WorkerResult
from hydra_study.trials.ask import Asker, StudyClock
from hydra_study.trials.duplicates import DuplicateIndex
from hydra_study.trials.outcomes import (
    UNCHARGED,
    Outcome,
    left_outcome,
    of_exception,
    parse_policies,
    write_outcome,
)
from hydra_study.trials.reap import orphans, reap
from hydra_study.trials.session import Session
from hydra_study.trials.tell import Teller

log = logging.getLogger(__name__)

_BEAT_EVERY = 1.0
_REAP_EVERY = 3.0
_ASK_EVERY = 0.3
# So long a lock or the storage is waited for after a request to stop.
_PATIENCE_AT_THE_END_S = 1.0


class Worker:
    """One worker of a sweep.

    Args:
        spec: The sweep.
        index: Number of the worker in this session.
        template: Its warm template.
        heartbeat: Its signs of life.
        study: The worker's own connection to the study.
        space: What is searched.
        watcher: Is called often, to show and record how the sweep stands.
    """

    def __init__(
        self,
        spec: SweepSpec,
        index: int,
        template: ForkServerClient,
        heartbeat: Heartbeat,
        study: OpenStudy,
        space: Space,
        watcher: Callable[[], None],
    ) -> None:
        options = spec.options
        self.spec = spec
        self.study = study
        self.name = heartbeat.worker
        self.free = make_slots(options)
        self.attempts: dict[int, RunningTrial] = {}
        self.ended: WorkerResult | None = None
        self.clock = StudyClock(spec, keeps=index == 0)
        self._template = template
        self._heartbeat = heartbeat
        self._watcher = watcher
        self._policies = parse_policies(options.policy)
        self._teller = Teller(study, spec.paths, self._policies, options.checkpoint)
        self._watch = LivenessMonitor(spec.paths.workers, options.stale_after)
        self._duplicates = DuplicateIndex(study, spec.session)
        self._handler = MessageHandler(study, spec, self._teller, self._duplicates)
        self._session = Session(study, spec)
        self.asker = Asker(study, space, spec, self.name)
        # a steady clock may be below zero
        self._times = dict.fromkeys(("beat", "reap", "ask", "stop"), -math.inf)
        self._patience = _ASK_EVERY
        self._interrupts = Interrupts()
        self._many = options.workers / 16
        """Pauses grow with the workers, so that many ask and look no more often than few."""

    def run(self) -> WorkerResult:
        """Work until the budget is spent, the session is stopped or a signal comes.

        Raises:
            WaitedInVainError: The storage was away for too long; the running trials are closed and
                left to the next start.
        """
        with Interrupts() as interrupts:
            self._interrupts = interrupts
            self.study.patience.meanwhile = self._work_on
            try:
                return self._work()
            except WaitedInVainError:
                self._abandon()
                if not interrupts.count:
                    raise
                return WorkerResult("interrupted", interrupts.signal)
            finally:
                self.study.patience.meanwhile = lambda waited_s: None

    def _work(self) -> WorkerResult:
        while True:
            self._handle_signals(self._interrupts)
            if self.ended is None:
                self._fill()
            elif not self.attempts:
                break
            self._listen()
            self._watch_trials()
            self._do_housekeeping()
        self.clock.keep()
        return self.ended

    def _watch_trials(self) -> None:
        options = self.spec.options
        for attempt in self.attempts.values():
            attempt.watch(options.hang_limit, options.trial_timeout, options.grace, self._foretell)

    def _foretell(self, attempt: RunningTrial, outcome: Outcome) -> None:
        """Write what a trial will have ended as, which it reads when it is asked to close, unless
        it has no files yet.
        """
        if attempt.training:
            with contextlib.suppress(OSError):
                write_outcome(self.spec, self.spec.paths.outcome(attempt.trial.number), outcome)

    def _work_on(self, waited_s: float) -> None:
        """Do what needs no study, while a lock or the storage is waited for.

        Raises:
            WaitedInVainError: The user has asked to stop, and the lock or the storage does not
                come.
        """
        self._handle_signals(self._interrupts)
        self._watch_trials()
        self._beat()
        self._handler.let_train([*self.attempts.values()])
        if self._interrupts.count and waited_s > _PATIENCE_AT_THE_END_S:
            raise WaitedInVainError("interrupted")

    def _abandon(self) -> None:
        """Close the trials without a word to the study; the next start settles them by what they
        leave.
        """
        for attempt in self.attempts.values():
            attempt.close_gently("the study was not there", self.spec.options.grace, again=True)
        end = time.monotonic() + self.spec.options.grace + 1
        while self.attempts and time.monotonic() < end:
            self._handle_signals(self._interrupts)
            self._watch_trials()
            ready, _, _ = select.select([self._template.control.sock], [], [], 0.1)
            messages, is_open = self._template.receive() if ready else ([], True)
            for message in messages:
                if message["say"] == "died":
                    self.attempts.pop(message["number"], None)
            if not is_open:
                return

    def _handle_signals(self, interrupts: Interrupts) -> None:
        """Close the running trials on the first request to stop, kill them on the next."""
        if interrupts.count and (self.ended is None or self.ended.signal is None):
            self._end("interrupted", interrupts.signal)
        if interrupts.count > 1:
            for attempt in self.attempts.values():
                attempt.kill()

    def _end(self, reason: str, signum: int | None = None) -> None:
        self.ended = WorkerResult(reason, signum)
        for attempt in self.attempts.values():
            attempt.close_gently(
                f"the sweep stopped: {reason}", self.spec.options.grace, again=True
            )

    def _is_due(self, what: str, every: float) -> bool:
        due = time.monotonic() - self._times[what] >= every
        if due:
            self._times[what] = time.monotonic()
        return due

    def _fill(self) -> None:
        """Begin a trial in every free slot, as far as the budget goes."""
        if not self.free or not self._is_due("ask", self._patience):
            return
        self._patience = min(2 * self._patience, max(1.0, self._many))
        stopped = self._session.stopped()
        if stopped:
            self._end(stopped)
        while self.free and self.ended is None:
            trial = self.asker.take(self.free[0].index, self.clock.seconds())
            if self.asker.over is not None:
                self._end(self.asker.over)
            if trial is None:
                return
            self._patience = _ASK_EVERY
            # by another worker, which took this one for dead
            with contextlib.suppress(UpdateFinishedTrialError):
                self._start(trial)

    def _start(self, trial: optuna.Trial) -> None:
        """Begin a trial in the first free slot, unless its very point is known."""
        try:
            point = self.asker.suggest(trial)
        except (WaitedInVainError, UpdateFinishedTrialError):
            raise
        except (
            Exception
        ) as error:  # of the sampler or the hook: nothing this sweep could go on with
            self._teller.tell(self._frozen(trial), of_exception(error), again=False)
            raise
        trial.set_user_attr(attributes.OVERRIDES, point.overrides)
        if self.spec.options.repeat == 1 and attributes.RETRY_OF not in trial.user_attrs:
            known = self._duplicates.same_point(trial.number, point.overrides)
            if known is not None:
                self._teller.tell_duplicate(self._frozen(trial), known)
                self._count(trial)
                return
        slot = self.free.pop(0)
        checkpoint = trial.user_attrs.get(attributes.CHECKPOINT)
        job = Job(trial.number, point.overrides, checkpoint, slot.environment, slot.threads)
        self.attempts[trial.number] = RunningTrial(trial, slot, self._begin(job))

    def _begin(self, job: Job) -> Channel:
        try:
            return self._template.begin(job)
        except OSError:
            self._renew_template()
            return self._template.begin(job)

    def _renew_template(self) -> None:
        """Start another template when the old one has died; its trials died with it."""
        self._template.close()
        for number, attempt in list(self.attempts.items()):
            attempt.kill()
            self._finish(number, None if attempt.outcome else 9)
        self._template = ForkServerClient(self.spec, self._heartbeat.lock, self._template.temporary)

    def _listen(self) -> None:
        """Wait a moment for messages of the trials and of the template, and act on them."""
        by_socket = {
            attempt.channel.sock: attempt for attempt in self.attempts.values() if attempt.open
        }
        for attempt in [attempt for attempt in self.attempts.values() if attempt.unheard]:
            self._receive(attempt)
        control = self._template.control.sock
        ready, _, _ = select.select([control, *by_socket], [], [], 0.2)
        for sock in ready:
            if sock in by_socket:
                self._receive(by_socket[sock])
        if control in ready:
            messages, is_open = self._template.receive()
            for message in messages:
                if message["number"] not in self.attempts:
                    continue
                if message["say"] == "born":
                    self.attempts[message["number"]].pid = message["pid"]
                elif message["say"] == "died":
                    self._finish(message["number"], message["signal"])
            if not is_open:
                self._renew_template()

    def _receive(self, attempt: RunningTrial) -> None:
        """Hear a trial, unless another worker has settled it."""
        try:
            self._handler.hear(attempt)
        except UpdateFinishedTrialError:
            self._lose(attempt)

    def _lose(self, attempt: RunningTrial) -> None:
        """Drop a trial that another worker has settled, because this one gave no sign of life for a
        while.
        """
        if not attempt.is_lost:
            log.warning(
                "trial %d was taken over by another worker, which took this one for dead",
                attempt.trial.number,
            )
        attempt.is_lost = True
        attempt.kill()

    def _frozen(self, trial: optuna.Trial) -> FrozenTrial:
        return self.study.trial(trial.number)

    def _finish(self, number: int, signum: int | None) -> None:
        """Settle a trial whose process is gone."""
        attempt = self.attempts[number]
        try:
            self._handler.hear_the_rest(attempt)
        except UpdateFinishedTrialError:
            self._lose(attempt)
        attempt.outcome = attempt.outcome or left_outcome(self.spec, number, self.spec.session)
        self._tell(attempt, signum)

    def _tell(self, attempt: RunningTrial, signum: int | None) -> None:
        """Settle a trial and free its slot."""
        del self.attempts[attempt.trial.number]
        self.free.append(attempt.slot)
        self._times["ask"] = -math.inf
        outcome = attempt.conclude(signum)
        if attempt.is_lost:
            return
        left = left_outcome(self.spec, attempt.trial.number, self.spec.session)
        if left is not None and left.kind != outcome.kind:
            with contextlib.suppress(OSError):  # the file says what the study says
                write_outcome(self.spec, self.spec.paths.outcome(attempt.trial.number), outcome)
        trial = self._frozen(attempt.trial)
        if not trial.state.is_finished():
            try:
                self._teller.tell(
                    trial, outcome, again=attempt.again if outcome.kind == "killed" else None
                )
            except (
                UpdateFinishedTrialError
            ):  # by another worker since, which took this one for dead
                return
        self._count(attempt.trial)

    def _count(self, trial: optuna.Trial) -> None:
        """Act on a settled trial: show it, notice when asking is fruitless, stop where the policy
        says so.
        """
        kind = kind_of(self._frozen(trial))
        self.asker.fruitless = self.asker.fruitless + 1 if kind in UNCHARGED else 0
        self._watcher()
        reason = self._session.must_stop(kind, self._policies[kind])
        if reason and self.ended is None:
            self._end(reason)

    def _do_housekeeping(self) -> None:
        """Give a sign of life, look after dead workers, and refresh what is shown."""
        self._watcher()
        self._beat()
        if self.ended is None and self._is_due("stop", max(1.0, self._many)):
            stopped = self._session.stopped()
            if stopped:
                self._end(stopped)
        if self._is_due("reap", max(_REAP_EVERY, 2 * self._many)):
            self._drop_what_others_told()
            if orphans(self.study, self._watch):
                with locked(self.spec.paths.ask_lock, self.study.patience):
                    reap(self.study, self.spec, self._teller, self._watch)

    def _beat(self) -> None:
        if self._is_due("beat", _BEAT_EVERY):
            self._heartbeat.beat(self._state())
            self.clock.keep()

    def _drop_what_others_told(self) -> None:
        """Drop the trials that train here and that another worker has settled."""
        running = {
            trial.number
            for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        }
        for number, attempt in self.attempts.items():
            if attempt.training and attempt.outcome is None and number not in running:
                self._lose(attempt)

    def _state(self) -> dict[str, Any]:
        trials = [attempt.state() for attempt in self.attempts.values()]
        seconds = round(self.clock.seconds(), 1)
        return {"trials": trials, "slots": len(self.free) + len(self.attempts), "seconds": seconds}
