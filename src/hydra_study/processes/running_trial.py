"""One trial in the making, as its worker sees it."""

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
# So much the clock of the kernel's log may differ from the steady one.
_CLOCKS_DIFFER_US = 5e6
_KILLED = re.compile(
    rb"\d+,\d+,(?P<us>\d+),[^;]*;(?:Memory cgroup o|O)ut of memory: Killed process (?P<pid>\d+) "
)


@dataclass
class RunningTrial:
    """A running trial: its process, its connection, and what was heard of it.

    Attributes:
        trial: The trial in the study.
        slot: Where it runs.
        channel: Connection to its process.
        pid: Its process, which leads a process group; None until the template says so.
        outcome: How it said that it ended.
        close_reason: Why it was asked to close.
        close_kind: The kind of outcome that this stands for.
        again: Whether it is to be run again after that; None leaves it to the policy.
        is_lost: Whether another worker has settled it: nothing more is told of it.
        reports: What it reports, once it trains.
        unheard: What it said while the study was away.
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
    unheard: list[dict[str, Any]] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    heard: float = field(default_factory=time.monotonic)
    _kill_at: float | None = None

    def state(self) -> dict[str, Any]:
        """Return what is to be said of it."""
        seconds = round(time.monotonic() - self.began, 1)
        return {
            "number": self.trial.number,
            "slot": self.slot.index,
            "seconds": seconds,
            "step": self.step,
            "value": self.value,
        }

    def close_gently(self, reason: str, grace: float, again: bool | None) -> None:
        """Ask the process to close, once, and set the time at which it will be killed."""
        if self.close_reason or self.outcome is not None:  # what has said its end is ending
            return
        self.close_reason, self.again = reason, again
        self._kill_at = time.monotonic() + grace
        self._signal(signal.SIGTERM, group=False)

    def kill(self) -> None:
        """Kill the process and all that it started."""
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
        foretell: Callable[["RunningTrial", Outcome], None],
    ) -> None:
        """Close the trial when it is silent or running for too long; kill it when it does not close
        or end.

        `foretell` is called before the trial is closed, with the outcome that this will be.
        """

        def time_out(reason: str, grace: float) -> None:
            if not self.close_reason and self.outcome is None:
                self.close_kind = "timed_out"
                foretell(self, Outcome("timed_out", reason=reason, seconds=now - self.began))
                self.close_gently(reason, grace, again=None)

        now = time.monotonic()
        # a thread or an `atexit` of its may wait for ever
        if self.outcome is not None and self._kill_at is None:
            self._kill_at = now + grace
        if hang_limit is not None and now - self.heard > hang_limit:
            reason = f"no sign of life for {hang_limit:g} s (hydra.sweeper.hang_limit)"
            time_out(reason, min(grace, _HANG_GRACE))
        if trial_timeout is not None and now - self.began > trial_timeout:
            time_out(f"ran for {trial_timeout:g} s (hydra.sweeper.trial_timeout)", grace)
        if self._kill_at is not None and now > self._kill_at:
            self.kill()

    def conclude(self, signum: int | None) -> Outcome:
        """Return how the trial ended, given the signal that its process died of, if any."""
        outcome = self.outcome
        if outcome is None:
            outcome = self._died_of(signum)
        if outcome.kind in ("killed", "error") and (self.close_reason or outcome.stopped):
            reason = self.close_reason or "asked to close by a signal from outside"
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
    """Return the processes that the kernel says it has killed for their memory in the last seconds.

    Where it may not be asked, and in containers, whose processes it knows by other ids, there are
    none: a process that was killed is then just that.
    """
    since_us = (time.clock_gettime(time.CLOCK_MONOTONIC) - seconds) * 1e6 - _CLOCKS_DIFFER_US
    found = map(_KILLED.match, _records(kernel_log))
    return {int(killed["pid"]) for killed in found if killed and int(killed["us"]) >= since_us}


def _records(kernel_log: str) -> list[bytes]:
    """Return the lines of the kernel's log; each read of the device returns one record."""
    text = b""
    with contextlib.suppress(OSError), open(kernel_log, "rb", buffering=0) as kernel:
        os.set_blocking(kernel.fileno(), False)
        while True:
            with contextlib.suppress(BrokenPipeError):  # it was overwritten meanwhile
                part = kernel.read(8192)
                if not part:
                    break
                text += part
    return text.splitlines()
