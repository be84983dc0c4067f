"""Handle the messages of trials: readiness, reports, attributes, outcomes."""

import contextlib
import select
import time
from collections.abc import Sequence
from typing import Any

from hydra_study import attributes
from hydra_study.attributes import is_finalist, was_paused
from hydra_study.processes.running_trial import RunningTrial
from hydra_study.storage.locks import locked
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.averages import trials_per_network
from hydra_study.trials.duplicates import DuplicateIndex, free_repetition
from hydra_study.trials.outcomes import Outcome
from hydra_study.trials.pruning import Reports
from hydra_study.trials.schedules import Promotion
from hydra_study.trials.tell import Teller


class MessageHandler:
    """Receives and answers the messages of one worker's trials.

    Args:
        study: The study.
        spec: The sweep.
        teller: Tells the outcomes of duplicates.
        duplicates: Finds trials of the same network.
        schedule: Decides which trials pause, or None.
    """

    def __init__(
        self,
        study: OpenStudy,
        spec: SweepSpec,
        teller: Teller,
        duplicates: DuplicateIndex,
        schedule: Promotion | None,
    ) -> None:
        self._schedule = schedule
        self._study = study
        self._duplicates = duplicates
        self._spec = spec
        self._teller = teller
        self._current: tuple[RunningTrial, dict[str, Any]] | None = None
        self._handlers = {
            "ready": self._on_ready,
            "report": self._on_report,
            "attributes": self._on_attributes,
            "end": self._on_end,
        }

    def receive(self, running: RunningTrial) -> None:
        """Receive the messages of a trial and handle them."""
        if running.unread:
            messages, running.unread = running.unread, []
        else:
            messages, running.open = running.channel.receive()
        for message in messages:
            running.last_message = time.monotonic()
            if message["type"] in self._handlers:
                self._current = (running, message)
                self._handlers[message["type"]](running, message)

    def receive_rest(self, running: RunningTrial) -> None:
        """Handle the last messages of a trial whose process has ended, and close its channel."""
        running.channel.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while running.open or running.unread:
                self.receive(running)
        running.channel.close()

    def let_train(self, running_trials: Sequence[RunningTrial]) -> None:
        """Answer reports without pruning while the storage is down; they are stored later."""
        if self._current is not None:
            self._answer_report(*self._current, stop=None)
        by_socket = {running.channel.sock: running for running in running_trials if running.open}
        ready, _, _ = select.select(list(by_socket), [], [], 0)
        for running in (by_socket[sock] for sock in ready):
            messages, running.open = running.channel.receive()
            running.unread += messages
            running.last_message = time.monotonic()
            for message in messages:
                self._answer_report(running, message, stop=None)

    def _answer_report(
        self, running: RunningTrial, message: dict[str, Any], *, stop: str | None
    ) -> None:
        """Answer a report, unless `let_train` has already."""
        if message["type"] == "report" and not message.get("answered"):
            message["answered"] = True
            running.channel.send({"stop": stop})

    def _on_ready(self, running: RunningTrial, message: dict[str, Any]) -> None:
        """Let a trial train, unless it is a duplicate, which one that was paused cannot become."""
        trial = running.trial
        self._on_attributes(running, message)
        with locked(self._spec.paths.ask_lock, self._study.patience):
            known = self._duplicates.results(trial.number, message["hash"])
            is_repeated = was_paused(trial) or is_finalist(trial)
            go = is_repeated or len(known) < trials_per_network(self._spec.options)
            repetition = trial.user_attrs.get(attributes.REPETITION, free_repetition(known))
            trial.set_user_attr(attributes.HASH, message["hash"])
            trial.set_user_attr(attributes.REPETITION, repetition)
        if go:
            running.reports = Reports(self._study, trial, self._spec.objectives, self._schedule)
            running.reports.inherit()
        else:
            self._teller.tell_duplicate(self._study.trial(trial.number), known[0])
        running.training = go
        answer = {
            "go": go,
            "repetition": repetition,
            "trainings": trial.user_attrs.get(attributes.TRAININGS, []),
            "retry_of": trial.user_attrs.get(attributes.RETRY_OF),
        }
        running.channel.send(answer)

    def _on_report(self, running: RunningTrial, message: dict[str, Any]) -> None:
        running.step, running.value = message["step"], message["value"]
        assert running.reports is not None
        is_last = message["is_last"] or is_finalist(running.trial)  # finalists are never stopped
        stop = running.reports.add(
            message["step"], message["value"], is_last=is_last, progress=message["progress"]
        )
        self._answer_report(running, message, stop=stop)

    def _on_attributes(self, running: RunningTrial, message: dict[str, Any]) -> None:
        for key, value in message["attributes"].items():
            running.trial.set_user_attr(key, value)

    def _on_end(self, running: RunningTrial, message: dict[str, Any]) -> None:
        running.outcome = Outcome(**message["outcome"])
