"""A journal file that survives kill -9 and power loss: its lock dies with its holder, a cut last line is cut off."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import TrialState

from . import attributes

_MAY_WAIT = {
    JournalOperation.CREATE_TRIAL,
    JournalOperation.SET_TRIAL_PARAM,
    JournalOperation.SET_TRIAL_INTERMEDIATE_VALUE,
    JournalOperation.SET_TRIAL_USER_ATTR,
    JournalOperation.SET_TRIAL_SYSTEM_ATTR,
}
"""What need not be on the disk before the next line is: no line of another kind comes there without it."""


def must_last(log: dict[str, Any]) -> bool:
    """Return whether a line must outlive a power cut: a trial may train from it on, or has ended by it.

    A trial that has not come so far has left nothing that its number would be needed for.
    """
    if log["op_code"] == JournalOperation.SET_TRIAL_STATE_VALUES:
        return bool(log["state"] != TrialState.RUNNING)
    return log["op_code"] not in _MAY_WAIT or attributes.HASH in log.get("user_attr", {})


class RepairingLock(BaseJournalFileLock):
    """An `flock` on a file beside the journal, which the kernel lets go when its holder dies.

    Optuna's own locks are files named `.lock`, which stay behind a killed holder and cost the next writer 30 seconds. Who writes
    to the journal with one, say `optuna-dashboard`, would take a file of that name for such a one and delete it.
    Whoever gets the lock first cuts off a line that a killed writer left without its end: the next append would
    glue to it and make the whole journal unreadable.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = journal.with_name(journal.name + ".flock")
        self._held: int | None = None

    def acquire(self) -> bool:
        """Wait for the lock and repair the journal."""
        held = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o666)
        fcntl.flock(held, fcntl.LOCK_EX)
        self._held = held
        cut_torn_line(self._journal)
        return True

    def release(self) -> None:
        """Let the lock go."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


class Backend(JournalFileBackend):
    """A journal file that waits for the disk where a trial begins to train or ends, and not at each of the other lines.

    Args:
        path: The journal.
        lock: Its lock.
    """

    def __init__(self, path: Path, lock: RepairingLock) -> None:
        super().__init__(str(path), lock_obj=lock)
        self._own_lock = lock

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines; a process that is killed behind this has written them, whether the disk has them or not."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._own_lock.acquire()
        try:
            with open(self._file_path, "ab") as file:
                file.write(lines.encode())
                file.flush()
                if any(must_last(log) for log in logs):
                    os.fsync(file.fileno())
        finally:
            self._own_lock.release()


def cut_torn_line(path: Path) -> int:
    """Cut off what follows the last line end of `path` and return the number of bytes cut; hold the lock for it."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        keep = size
        while keep > 0:
            start = max(0, keep - 65536)
            file.seek(start)
            end = file.read(keep - start).rfind(b"\n")
            if end >= 0:
                keep = start + end + 1
                break
            keep = start
        if keep < size:
            file.truncate(keep)
        return size - keep


def open_journal(path: Path) -> JournalStorage:
    """Open (or begin) the journal at `path`, repaired."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    lock = RepairingLock(path)
    lock.acquire()
    lock.release()
    return JournalStorage(Backend(path, lock))
