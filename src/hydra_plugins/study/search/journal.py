"""A journal file that survives kill -9 and power loss: its lock dies with its holder, a cut last line is cut off."""

import fcntl
import os
from pathlib import Path

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._file import BaseJournalFileLock


class RepairingLock(BaseJournalFileLock):
    """An `flock` on a file beside the journal, which the kernel lets go when its holder dies.

    Optuna's own locks are files, which stay behind a killed holder and cost the next writer 30 seconds.
    Whoever gets the lock first cuts off a line that a killed writer left without its end: the next append would
    glue to it and make the whole journal unreadable.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = journal.with_name(journal.name + ".lock")
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
    return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
