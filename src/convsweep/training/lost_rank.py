"""Handling of a process that dies in distributed training: the others end with its message instead
of waiting.
"""

import json
import logging
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from convsweep.cli.console import say
from convsweep.distributed.ranks import is_first, is_one_of_many, rank
from convsweep.errors import LOST_CONNECTION, UserError
from convsweep.patches import use
from convsweep.patches.lightning import LOST_RANK
from convsweep.tracking import outcome_of

if TYPE_CHECKING:
    from convsweep.training.run import Run

log = logging.getLogger(__name__)

# Between two looks at the other processes.
EVERY_S = 0.5
# Seconds that a failed process may take to end.
EXIT_S = 10.0
# Seconds that rank 0 may take to notice the death of another process; on GPUs it may wait for ever.
PATIENCE_S = 20.0


class LostRankError(UserError):
    """Another process of the training ended early; `kind` is the resulting outcome of the run."""

    def __init__(self, number: int | None, kind: str, reason: str) -> None:
        super().__init__(
            f"{'another process' if number is None else f'process {number}'} of the training"
            f" {reason}"
        )
        self.kind = kind


def leave_note(folder: Path, error: BaseException) -> None:
    """Record why this process, other than rank 0, ends, for rank 0 and in this process's log, in
    case a launcher ends rank 0 before it can say so.
    """
    if folder.is_dir():
        reason = str(error) or type(error).__name__
        log.error("this process of the training failed: %s", reason)
        _note(folder, rank()).write_text(json.dumps({"kind": outcome_of(error), "reason": reason}))


def _note(folder: Path, number: int) -> Path:
    return folder / f"rank_{number}.json"


def clear_notes(folder: Path) -> None:
    """Remove the notes of an earlier start."""
    for note in folder.glob("rank_*.json"):
        note.unlink(missing_ok=True)


def find_lost(processes: Sequence[subprocess.Popen[bytes]], folder: Path) -> LostRankError | None:
    """Return the error for a process that ended early, or None."""
    for number, process in enumerate(processes, 1):
        code = process.poll()
        if code is not None and code < 0:
            died = f"died of {signal.Signals(-code).name}"
            return LostRankError(
                number, "killed", f"{died}; if nobody sent it, look for the memory it took"
            )
        if code:
            return _read_note(folder, number) or LostRankError(
                number, "error", f"ended with exit code {code}; it says why above"
            )
    return None


def _read_note(folder: Path, number: int) -> LostRankError | None:
    try:
        note = json.loads(_note(folder, number).read_text())
    except (OSError, ValueError):
        return None
    return LostRankError(number, note["kind"], f"failed: {note['reason']}")


def cause_of(
    error: BaseException, processes: Sequence[subprocess.Popen[bytes]], folder: Path
) -> LostRankError | None:
    """Return the error of the process whose death caused the error of rank 0, or None if that is
    its own.

    For processes started by torchrun or srun only their notes are known.
    """
    if not isinstance(error, RuntimeError):
        return None
    if not processes:
        return (
            _noted_cause(folder)
            if is_first() and is_one_of_many() and LOST_CONNECTION in str(error)
            else None
        )
    end = time.monotonic() + EXIT_S
    while (
        (lost := find_lost(processes, folder)) is None
        and time.monotonic() < end
        and LOST_CONNECTION in str(error)
    ):
        time.sleep(0.1)
    return lost


def _noted_cause(folder: Path) -> LostRankError:
    notes = (
        _read_note(folder, int(path.stem.split("_")[1]))
        for path in sorted(folder.glob("rank_*.json"))
    )
    died = LostRankError(None, "killed", "died; what started it says which one, and how")
    return next(
        (lost for lost in notes if lost is not None and LOST_CONNECTION not in str(lost)), died
    )


class Observer(threading.Thread):
    """Watches the processes that rank 0 started, and ends the run if rank 0 does not notice a death
    itself.

    Args:
        run: the run, whose event `closing` is set when it ends.
        processes: the other processes.
    """

    def __init__(self, run: "Run", processes: Sequence[subprocess.Popen[bytes]]) -> None:
        super().__init__(daemon=True, name="rank-observer")
        self.of, self.processes = run, processes

    def run(self) -> None:
        """Watch until all processes have succeeded, or one has failed."""
        while any(process.poll() is None for process in self.processes) or find_lost(
            self.processes, self.of.folder
        ):
            lost = find_lost(self.processes, self.of.folder)
            if lost is not None:
                if not self.of.closing.wait(PATIENCE_S):
                    self.give_up(lost)
                return
            time.sleep(EVERY_S)

    def give_up(self, lost: LostRankError) -> None:
        """Close the run from this thread, since the main thread hangs, and exit."""
        say(f"Error: {lost}")
        if self.of.link is not None:
            self.of.link.report_end(lost.kind, str(lost))
        self.of.close(lost)
        for process in self.processes:
            process.kill()
        os._exit(1)


def observe(run: "Run") -> None:
    """Watch a run's processes instead of Lightning, which kills rank 0 without a message.

    Holds no reference to a finished run and its memory, since the process may start another one.
    """
    observed = weakref.ref(run)

    def begin(processes: list[subprocess.Popen[bytes]]) -> None:
        running = observed()
        assert running is not None
        running.processes = processes
        Observer(running, processes).start()

    use(LOST_RANK, begin)
