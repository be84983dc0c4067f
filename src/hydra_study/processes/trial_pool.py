"""The slots of a worker, and the trials that run in them."""

import contextlib
import select
import signal
from typing import Any

import optuna

from hydra_study import attributes
from hydra_study.attributes import was_paused
from hydra_study.processes.fork_server_client import ForkServerClient
from hydra_study.processes.messages import Channel
from hydra_study.processes.running_trial import RunningTrial
from hydra_study.processes.slots import make_slots
from hydra_study.sweep_spec import Job, SweepSpec
from hydra_study.trials.outcomes import Outcome, write_outcome

_WAIT_S = 0.2

# Trials whose process has ended, by number, with the signal that ended it.
Exits = dict[int, int | None]


class TrialPool:
    """The slots of a worker, and the trials that run in them.

    Args:
        spec: The sweep.
        fork_server: Forks the trials' processes.

    Attributes:
        free: Slots without a trial.
        running: Trials by number, until `remove` is called.
    """

    def __init__(self, spec: SweepSpec, fork_server: ForkServerClient) -> None:
        self.free = make_slots(spec.options)
        self.running: dict[int, RunningTrial] = {}
        self._spec = spec
        self._fork_server = fork_server
        self._has_fork_server = True
        self._exits: Exits = {}

    def start(self, trial: optuna.Trial, overrides: list[str]) -> None:
        """Start a trial in the first free slot."""
        slot = self.free.pop(0)
        checkpoint = trial.user_attrs.get(attributes.CHECKPOINT)
        job = Job(
            trial.number,
            overrides,
            checkpoint,
            was_paused(trial),
            slot.environment,
            slot.threads,
        )
        self.running[trial.number] = RunningTrial(trial, slot, self._begin(job))

    def _begin(self, job: Job) -> Channel:
        if self._has_fork_server:
            try:
                return self._fork_server.begin(job)
            except OSError:
                self._lose_fork_server()
        self._fork_server.restart()
        self._has_fork_server = True
        return self._fork_server.begin(job)

    def _lose_fork_server(self) -> None:
        """Mark the fork server as dead, and its trials, which die with it, as ended."""
        self._has_fork_server = False
        for number, running in self.running.items():
            running.kill()
            self._exits.setdefault(number, None if running.outcome else signal.SIGKILL)

    def remove(self, running: RunningTrial) -> None:
        """Remove an ended trial and free its slot."""
        del self.running[running.trial.number]
        self._exits.pop(running.trial.number, None)
        self.free.append(running.slot)

    def wait(self) -> list[RunningTrial]:
        """Wait a moment for messages, and return the trials that have some; then call `exits`."""
        unread = [running for running in self.running.values() if running.unread]
        by_socket = {
            running.channel.sock: running for running in self.running.values() if running.open
        }
        sockets = [*by_socket, *self._control()]
        ready, _, _ = select.select(sockets, [], [], 0 if unread or self._exits else _WAIT_S)
        return [*unread, *(by_socket[sock] for sock in ready if sock in by_socket)]

    def exits(self, timeout_s: float = 0.0) -> Exits:
        """Wait for the fork server, and return the trials to `remove`: their process has ended."""
        ready, _, _ = select.select(self._control(), [], [], timeout_s)
        messages, is_open = self._fork_server.receive() if ready else ([], True)
        for message in messages:
            number = message["number"]
            if message["type"] == "forked" and number in self.running:
                self.running[number].set_process(message["pid"])
            elif message["type"] == "exited" and number in self.running:
                self._exits[number] = message["signal"]
        if not is_open:
            self._lose_fork_server()
        return dict(self._exits)

    def _control(self) -> list[Any]:
        return [self._fork_server.control.sock] if self._has_fork_server else []

    def watch(self) -> None:
        """Close trials that exceed a time limit, and kill those that do not end."""
        options = self._spec.options
        for running in self.running.values():
            running.watch(
                options.hang_limit,
                options.trial_timeout,
                options.grace,
                self._write_expected_outcome,
            )

    def _write_expected_outcome(self, running: RunningTrial, outcome: Outcome) -> None:
        """Write the outcome that a trial reads on SIGTERM, unless it has no folder yet."""
        if running.training:
            with contextlib.suppress(OSError):
                write_outcome(self._spec, self._spec.paths.outcome(running.trial.number), outcome)

    def close(self, reason: str) -> None:
        """Make all trials end within `hydra.sweeper.grace`, to be retried by the next start."""
        for running in self.running.values():
            running.close_gently(reason, self._spec.options.grace, again=True)

    def kill(self) -> None:
        """Kill all trials."""
        for running in self.running.values():
            running.kill()

    def state(self) -> dict[str, Any]:
        """Return the entries of the trials in the worker's heartbeat file."""
        trials = [running.state() for running in self.running.values()]
        return {"trials": trials, "slots": len(self.free) + len(self.running)}
