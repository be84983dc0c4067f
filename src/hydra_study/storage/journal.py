"""A journal file that survives kill -9 and power loss: its lock dies with its holder, a cut last
line is cut off.
"""

import os
from pathlib import Path
from typing import Any

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hydra_study.storage.locks import take
from hydra_study.storage.patience import Patience


class RepairingLock:
    """An `flock` on a file beside the journal, which the kernel lets go when its holder dies; its
    holder may take it twice.

    Optuna's own locks are files named `.lock`, which stay behind a killed holder and cost the next
    writer 30 seconds. Who writes to the journal with one, say `optuna-dashboard`, would take a file
    of that name for such a one and delete it. Whoever gets the lock first cuts off a line that a
    killed writer left without its end: the next append would glue to it and make the whole journal
    unreadable.

    Args:
        journal: The journal.
        patience: What goes on while another process holds the lock.
    """

    def __init__(self, journal: Path, patience: Patience) -> None:
        self._journal = journal
        self._patience = patience
        self._lock = journal.with_name(journal.name + ".flock")
        self._held: int | None = None
        self._times = 0

    def acquire(self) -> bool:
        """Wait for the lock and repair the journal."""
        if self._held is None:
            held = os.open(self._lock, os.O_CREAT | os.O_RDWR, 0o666)
            try:
                take(held, self._patience)
                cut_torn_line(self._journal)
            except BaseException:
                os.close(held)
                raise
            self._held = held
        self._times += 1
        return True

    def release(self) -> None:
        """Let the lock go."""
        self._times -= 1
        if self._times == 0 and self._held is not None:
            os.close(self._held)
            self._held = None


class Backend(JournalFileBackend):
    """A journal file of which a failed write leaves nothing, so that it can be made again: the disk
    may be full for a while.

    Args:
        path: The journal.
        lock: Its lock.
    """

    def __init__(self, path: Path, lock: RepairingLock) -> None:
        like_theirs: Any = lock  # their base class of locks is not public
        super().__init__(str(path), lock_obj=like_theirs)
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
    """Cut off what follows the last line end of `path` and return the number of bytes cut; hold the
    lock for it.
    """
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
    """Open (or begin) the journal at `path`, repaired."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    lock = RepairingLock(path, patience or Patience())
    lock.acquire()
    lock.release()
    return JournalStorage(Backend(path, lock))


def read_journal(path: Path) -> JournalStorage:
    """Open the journal at `path` without writing to it or beside it; that happens when the study is
    changed.
    """
    return JournalStorage(Backend(path, RepairingLock(path, Patience())))
