"""A journal file that survives kill -9 and power loss: its lock ends with its holder, and an
incomplete last line is removed.
"""

import os
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hydra_study.storage.locks import acquire
from hydra_study.storage.patience import Patience


class RepairingLock:
    """A reentrant `flock` on a file beside the journal, which the kernel releases when its holder
    dies.

    Optuna's own lock is a file `.lock`, which a killed holder leaves and which then blocks the next
    writer for 30 seconds. This file has another name, since programs that use Optuna's lock, e.g.
    `optuna-dashboard`, would delete it.

    Acquiring the lock removes an incomplete line that a killed writer left at the end; the next
    line would otherwise be appended to it and make the journal unreadable.

    Args:
        journal: The journal.
        patience: Waits while another process holds the lock.
    """

    def __init__(self, journal: Path, patience: Patience) -> None:
        self._journal = journal
        self._patience = patience
        self._lock = journal.with_name(journal.name + ".flock")
        self._held: int | None = None
        self._times = 0

    def acquire(self) -> bool:
        """Wait for the lock and repair the journal; always True, as Optuna expects."""
        if self._held is None:
            held = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o666)
            try:
                acquire(held, self._patience)
                cut_torn_line(self._journal)
            except BaseException:
                os.close(held)
                raise
            self._held = held
        self._times += 1
        return True

    def release(self) -> None:
        """Release the lock."""
        self._times -= 1
        if self._times == 0 and self._held is not None:
            os.close(self._held)
            self._held = None


class Backend(JournalFileBackend):
    """A journal file in which a failed write (full disk) leaves nothing, so that it can be retried.

    Args:
        path: The journal.
        lock: Its lock.
    """

    def __init__(self, path: Path, lock: RepairingLock) -> None:
        lock_obj: Any = lock  # Optuna's base class of locks is not public
        super().__init__(str(path), lock_obj=lock_obj)
        self._path = path
        self._repairing_lock = lock

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append lines, all or none of them."""
        self._repairing_lock.acquire()
        try:
            size = self._path.stat().st_size
            try:
                super().append_logs(logs)
            except OSError:
                os.truncate(self._path, size)
                raise
        finally:
            self._repairing_lock.release()


def cut_torn_line(path: Path) -> int:
    """Remove an incomplete last line and return its number of bytes; the caller holds the lock."""
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


def open_journal(path: Path, patience: Patience | None = None) -> JournalStorage:
    """Open the journal at `path`, created if missing and repaired."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    lock = RepairingLock(path, patience or Patience())
    lock.acquire()
    lock.release()
    return JournalStorage(Backend(path, lock))


def read_journal(path: Path) -> JournalStorage:
    """Open the journal at `path` for reading, without repairing it or creating the lock file."""
    return JournalStorage(Backend(path, RepairingLock(path, Patience())))
