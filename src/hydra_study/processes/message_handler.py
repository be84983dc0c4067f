"""What a worker answers to its trials: leave to train, the pruner's verdict, and what it takes
down.
"""

import contextlib
import select
import time
from collections.abc import Sequence
from typing import Any

from hydra_study import attributes
from hydra_study.processes.running_trial import RunningTrial
from hydra_study.storage.locks import locked
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.duplicates import DuplicateIndex, free_repetition
from hydra_study.trials.outcomes import Outcome
from hydra_study.trials.pruning import Reports
from hydra_study.trials.tell import Teller


class MessageHandler:
    """Hears the trials of one worker; the worker holds the only connection to the study."""

    def __init__(
        self, study: OpenStudy, spec: SweepSpec, teller: Teller, known: DuplicateIndex
    ) -> None:
        self._study = study
        self._duplicates = known
        self._spec = spec
        self._teller = teller
        self._current: tuple[RunningTrial, dict[str, Any]] | None = None
        self._answers = {
            "ready": self._on_ready,
            "report": self._on_report,
            "note": self._on_note,
            "end": self._on_end,
        }

    def hear(self, attempt: RunningTrial) -> None:
        """Receive what the trial has said and answer it."""
        if attempt.unheard:
            messages, attempt.unheard = attempt.unheard, []
        else:
            messages, attempt.open = attempt.channel.receive()
        for message in messages:
            attempt.heard = time.monotonic()
            if message["say"] in self._answers:
                self._current = (attempt, message)
                self._answers[message["say"]](attempt, message)

    def hear_the_rest(self, attempt: RunningTrial) -> None:
        """Receive what a trial had said before its process went, and close the connection."""
        attempt.channel.sock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while attempt.open or attempt.unheard:
                self.hear(attempt)
        attempt.channel.close()

    def let_train(self, attempts: Sequence[RunningTrial]) -> None:
        """Let trials that report train on while the study is waited for; what they report is stored
        later.
        """
        if self._current is not None:
            self._answer_report(*self._current, stop=False)
        by_socket = {attempt.channel.sock: attempt for attempt in attempts if attempt.open}
        ready, _, _ = select.select(list(by_socket), [], [], 0)
        for attempt in (by_socket[sock] for sock in ready):
            messages, attempt.open = attempt.channel.receive()
            attempt.unheard += messages
            attempt.heard = time.monotonic()
            for message in messages:
                self._answer_report(attempt, message, stop=False)

    def _answer_report(self, attempt: RunningTrial, message: dict[str, Any], *, stop: bool) -> None:
        """Answer a report, once."""
        if message["say"] == "report" and not message.get("answered"):
            message["answered"] = True
            attempt.channel.send({"stop": stop})

    def _on_ready(self, attempt: RunningTrial, message: dict[str, Any]) -> None:
        """Let a trial train, unless its network is known."""
        trial = attempt.trial
        for key, value in message["facts"].items():
            trial.set_user_attr(key, value)
        with locked(self._spec.paths.ask_lock, self._study.patience):
            known = self._duplicates.results(trial.number, message["hash"])
            go = len(known) < self._spec.options.repeat
            repetition = trial.user_attrs.get(attributes.REPETITION, free_repetition(known))
            trial.set_user_attr(attributes.HASH, message["hash"])
            trial.set_user_attr(attributes.REPETITION, repetition)
        if go:
            attempt.reports = Reports(self._study, trial, self._spec.objectives)
            attempt.reports.inherit()
        else:
            self._teller.tell_duplicate(self._study.trial(trial.number), known[0])
        attempt.training = go
        attempt.channel.send({"go": go, "repetition": repetition})

    def _on_report(self, attempt: RunningTrial, message: dict[str, Any]) -> None:
        attempt.step, attempt.value = message["step"], message["value"]
        assert attempt.reports is not None
        stop = attempt.reports.add(message["step"], message["value"])
        self._answer_report(attempt, message, stop=stop)

    def _on_note(self, attempt: RunningTrial, message: dict[str, Any]) -> None:
        for key, value in message["facts"].items():
            attempt.trial.set_user_attr(key, value)

    def _on_end(self, attempt: RunningTrial, message: dict[str, Any]) -> None:
        attempt.outcome = Outcome(**message["outcome"])
