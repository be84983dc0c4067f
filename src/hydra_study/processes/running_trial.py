"""A running trial, as its worker sees it."""

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import optuna

from hydra_study.processes.messages import Channel
from hydra_study.processes.slots import Slot
from hydra_study.trials.outcomes import Outcome
from hydra_study.trials.pruning import Reports

_HANG_GRACE = 5.0
# Tolerance between the clock of the kernel's log and the monotonic clock.
_CLOCKS_DIFFER_US = 5e6
_KILLED = re.compile(
    rb"\d+,\d+,(?P<us>\d+),[^;]*;(?:Memory cgroup o|O)ut of memory: Killed process (?P<pid>\d+) "
)


@dataclass
class RunningTrial:
    """A running trial: its process, its channel, and the messages received from it.

    Attributes:
        trial: The trial in the study.
        slot: Its slot.
        channel: Channel to its process.
        pid: Its process, which leads a process group; None until the fork server reports it.
        outcome: The outcome that it reported.
        close_reason: Why it was requested to end; empty if it was not.
        close_kind: Its kind of outcome if it then ends by the request.
        again: Whether to retry it then; None leaves that to the policy.
        step, value: Its last report.
        open: Whether its end of the channel is open.
        training: Whether it has passed the checks.
        is_lost: Whether another worker has told its outcome, so that this one must not.
        reports: Its reports, once it trains.
        unread: Messages received while the storage did not answer.
        began, last_message: Times of the monotonic clock.
    """

    trial: optuna.Trial
    slot: Slot
    channel: Channel
    pid: int | None = None
    outcome: Outcome | None = None
    close_reason: str = ""
    close_kind: str = "killed"
    again: bool | None = None
    step: int | None = None
    value: float | None = None
    open: bool = True
    training: bool = False
    is_lost: bool = False
    reports: Reports | None = None
    unread: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    last_message: float = field(default_factory=time.monotonic)
    _kill_at: float | None = None

    def state(self) -> dict[str, Any]:
        """Return its entry in the worker's heartbeat file."""
        seconds = round(time.monotonic() - self.began, 1)
        return {
            "number": self.trial.number,
            "slot": self.slot.index,
            "seconds": seconds,
            "step": self.step,
            "value": self.value,
        }

    def set_process(self, pid: int) -> None:
        """Set the id of the process; if it was to close before it was known, send SIGTERM now."""
        self.pid = pid
        if self.close_reason:
            self._signal(signal.SIGTERM, group=False)

    def close_gently(self, reason: str, grace: float, again: bool | None) -> None:
        """Send SIGTERM, once, and schedule SIGKILL after `grace` seconds."""
        if self.close_reason or self.outcome is not None:  # it is ending already
            return
        self.close_reason, self.again = reason, again
        self._kill_at = time.monotonic() + grace
        self._signal(signal.SIGTERM, group=False)

    def kill(self) -> None:
        """Kill the process and its process group."""
        self._kill_at = None
        self._signal(signal.SIGKILL, group=True)

    def _signal(self, signum: int, group: bool) -> None:
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if group else os.kill)(self.pid, signum)

    def watch(
        self,
        hang_limit: float | None,
        trial_timeout: float | None,
        grace: float,
        before_close: Callable[["RunningTrial", Outcome], None],
    ) -> None:
        """Close the trial if it is silent or runs for too long; kill it if it does not end.

        Args:
            hang_limit: Longest time without a message, in seconds.
            trial_timeout: Longest duration in seconds.
            grace: Seconds from a request to end, or from the reported end, to SIGKILL.
            before_close: Called with the trial's outcome before the trial is closed.
        """

        def time_out(reason: str, grace: float) -> None:
            if not self.close_reason and self.outcome is None:
                self.close_kind = "timed_out"
                before_close(self, Outcome("timed_out", reason=reason, seconds=now - self.began))
                self.close_gently(reason, grace, again=None)

        now = time.monotonic()
        # a thread or `atexit` hook of the trial may hang
        if self.outcome is not None and self._kill_at is None:
            self._kill_at = now + grace
        if hang_limit is not None and now - self.last_message > hang_limit:
            reason = f"no sign of life for {hang_limit:g} s (hydra.sweeper.hang_limit)"
            time_out(reason, min(grace, _HANG_GRACE))
        if trial_timeout is not None and now - self.began > trial_timeout:
            time_out(f"ran for {trial_timeout:g} s (hydra.sweeper.trial_timeout)", grace)
        if self._kill_at is not None and now > self._kill_at:
            self.kill()

    def conclude(self, signum: int | None) -> Outcome:
        """Return the outcome of an ended trial, given the signal that ended its process, if any."""
        outcome = self.outcome
        if outcome is None:
            outcome = self._died_of(signum)
        if outcome.kind in ("killed", "error") and (self.close_reason or outcome.stopped):
            reason = self.close_reason or "a signal from outside ended it"
            return Outcome(
                self.close_kind,
                reason=reason,
                seconds=outcome.seconds,
                peak_memory_mb=outcome.peak_memory_mb,
            )
        return outcome

    def _died_of(self, signum: int | None) -> Outcome:
        seconds = time.monotonic() - self.began
        if signum is None:
            return Outcome(
                "error", reason="the process ended without a result (os._exit?)", seconds=seconds
            )
        name = signal.Signals(signum).name
        if (
            signum == signal.SIGKILL
            and not self.close_reason
            and self.pid in killed_for_memory(seconds)
        ):
            return Outcome(
                "out_of_memory", reason="killed by the kernel: out of memory", seconds=seconds
            )
        return Outcome("killed", reason=f"died of {name}", seconds=seconds)


def killed_for_memory(seconds: float, kernel_log: str = "/dev/kmsg") -> set[int]:
    """Return the ids of the processes that the kernel's out-of-memory killer ended.

    Without permission to read the kernel's log there are none; in a container its ids differ from
    ours. A trial is then just `killed`.

    Args:
        seconds: How far to look back.
        kernel_log: The log's device.
    """
    since_us = (time.clock_gettime(time.CLOCK_MONOTONIC) - seconds) * 1e6 - _CLOCKS_DIFFER_US
    found = map(_KILLED.match, _records(kernel_log))
    return {int(killed["pid"]) for killed in found if killed and int(killed["us"]) >= since_us}


def _records(kernel_log: str) -> list[bytes]:
    """Return the lines of the kernel's log; each read returns one record."""
    text = b""
    with contextlib.suppress(OSError), open(kernel_log, "rb", buffering=0) as kernel:
        os.set_blocking(kernel.fileno(), False)
        while True:
            with contextlib.suppress(BrokenPipeError):  # the record was overwritten meanwhile
                part = kernel.read(8192)
                if not part:
                    break
                text += part
    return text.splitlines()
