"""The process of a stage: started, followed, interrupted, and ended if an earlier command left it
running.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Self

from convsweep.cli.next_commands import NEXT, NO_NEXT
from convsweep.errors import UserError
from hydra_study import try_lock

# Runs a command; see `run_process`.
Execute = Callable[[Sequence[str], Path, Callable[[int], None], Callable[[], None]], int]
LOCK, STAGE_LOCK = ".auto.lock", ".stage.lock"
LOOK_EVERY_S = 0.2
# How long a process of an earlier start may take to end before it is killed: longer than
# hydra.sweeper.grace, the time of its trials.
GRACE_S = 60.0


class ReportedError(Exception):
    """A command has reported a mistake of the user, and said all that there is to say."""


class InterruptedStageError(Exception):
    """A signal ended a stage; its number is the argument."""


def run_process(
    arguments: Sequence[str], folder: Path, begin: Callable[[int], None], follow: Callable[[], None]
) -> int:
    """Run a command of convsweep in this terminal and return its exit code.

    It has a process group of its own, so that a signal reaches it once, whether it was sent to this
    process alone or, as by Ctrl-C, to its group.

    Args:
        arguments: after `convsweep`.
        folder: of the run, whose lock the process holds, so that a later start knows of it.
        begin: called with its process id.
        follow: called several times a second until it ends.

    Raises:
        InterruptedStageError: a signal came, and the process has ended.
    """
    command = [sys.executable, "-m", "convsweep", *arguments]
    environment = {**os.environ, NEXT: NO_NEXT}
    held = try_lock(folder / STAGE_LOCK)
    assert held is not None, "end_earlier_process has run"
    signals = PassedOn()
    try:
        with (
            signals,
            subprocess.Popen(
                command,
                env=environment,
                pass_fds=[held],
                stdin=subprocess.DEVNULL,
                process_group=0,
            ) as process,
        ):
            signals.to(process)
            begin(process.pid)
            while True:
                try:
                    code = process.wait(LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    follow()
    finally:
        os.close(held)
    if signals.came:
        raise InterruptedStageError(signals.came[0])
    return code


class PassedOn:
    """Context manager that passes SIGINT, SIGTERM and SIGHUP on to a process, so that it can close
    its runs. Under `nohup`, SIGHUP is still ignored. When this process stops (Ctrl-Z) and
    continues, so does the other one.

    Attributes:
        came: the signals, in their order.
    """

    def __init__(self) -> None:
        self.came: list[int] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, self._pass_on) for number in numbers}
        self._before[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
        return self

    def __exit__(self, *error: object) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)

    def to(self, process: "subprocess.Popen[bytes]") -> None:
        """Name the process, which gets the signals that came before as well."""
        self._process = process
        for signum in self.came:
            self._send(signum)

    def _pass_on(self, signum: int, frame: FrameType | None) -> None:
        self.came.append(signum)
        self._send(signum)

    def _stop(self, signum: int, frame: FrameType | None) -> None:
        self._send_to_group(signal.SIGSTOP)
        signal.signal(signum, signal.SIG_DFL)
        os.kill(os.getpid(), signum)  # returns when this process continues
        signal.signal(signum, self._stop)
        self._send_to_group(signal.SIGCONT)

    def _send(self, signum: int) -> None:
        if signum == signal.SIGINT:  # as a terminal does
            self._send_to_group(signum)
        elif self._process is not None and self._process.poll() is None:
            end(self._process.pid, signal.SIGTERM)

    def _send_to_group(self, signum: int) -> None:
        if self._process is not None and self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signum)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder's run.

    Raises:
        UserError: another process holds it.
    """
    held = try_lock(folder / LOCK)
    if held is None:
        raise UserError(
            f"one command at a time may work on a folder, but another one is at work on {folder};"
            " wait for it, or choose another folder=FOLDER"
        )
    try:
        yield
    finally:
        os.close(held)


def end_earlier_process(folder: Path, pid: int | None, say: Callable[[str], None]) -> None:
    """End the process of a stage that still runs after its command was killed (kill -9).

    Raises:
        UserError: it does not end, or is not known.
    """
    since = time.monotonic()
    ask = [(GRACE_S, signal.SIGKILL), (0.0, signal.SIGTERM)]
    while (held := try_lock(folder / STAGE_LOCK)) is None:
        waited = time.monotonic() - since
        if pid is None or waited > 2 * GRACE_S:
            raise UserError(
                f"a process of an earlier start still works on {folder}, and does not end; end it"
                f" (process {pid}), then give the same command again"
            )
        if ask and waited >= ask[-1][0]:
            if len(ask) == 2:
                say(f"ending process {pid} of an earlier start, which still works on this folder")
            end(pid, ask.pop()[1])
        time.sleep(LOOK_EVERY_S)
    os.close(held)


def end(pid: int, signum: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, signum)
