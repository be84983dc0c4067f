"""The process of a stage: started, followed, interrupted, and ended if an earlier command left it
running.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from convsweep.errors import UserError
from hydra_study import try_lock

# Runs a command; see `run_process`.
Execute = Callable[[Sequence[str], Path, Callable[[int], None], Callable[[], None]], int]
LOCK, STAGE_LOCK = ".auto.lock", ".stage.lock"
LOOK_EVERY_S = 0.2
# How long a process of an earlier start may take to end before it is killed: longer than
# hydra.sweeper.grace, the time of its trials.
GRACE_S = 60.0


class InterruptedStageError(Exception):
    """A signal ended a stage; its number is the argument."""


def run_process(
    arguments: Sequence[str], folder: Path, begin: Callable[[int], None], follow: Callable[[], None]
) -> int:
    """Run a command of convsweep in this terminal and return its exit code.

    Args:
        arguments: after `convsweep`.
        folder: of the run, whose lock the process holds, so that a later start knows of it.
        begin: called with its process id.
        follow: called several times a second until it ends.

    Raises:
        InterruptedStageError: a signal came, and the process has ended.
    """
    command = [sys.executable, "-m", "convsweep", *arguments]
    held = try_lock(folder / STAGE_LOCK)
    assert held is not None, "end_earlier_process has run"
    came: list[int] = []
    try:
        with subprocess.Popen(command, pass_fds=[held]) as process, passing_on(process, came):
            begin(process.pid)
            while True:
                try:
                    code = process.wait(LOOK_EVERY_S)
                    break
                except subprocess.TimeoutExpired:
                    follow()
    finally:
        os.close(held)
    if came:
        raise InterruptedStageError(came[0])
    return code


@contextmanager
def passing_on(process: "subprocess.Popen[bytes]", came: list[int]) -> Iterator[None]:
    """Leave Ctrl-C to the process, which gets it from the terminal too, and pass SIGTERM on to it,
    so that it can close its runs; the signals are added to `came`.
    """

    def pass_on(signum: int, frame: FrameType | None) -> None:
        came.append(signum)
        if signum == signal.SIGTERM:
            process.send_signal(signum)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass
