"""A folder for temporary files that is removed after its processes, also if they were killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "study-"


class TemporaryFolder:
    """The `TMPDIR` of one worker's trials, or of the observer.

    Those processes inherit a lock on the folder; a folder whose lock nobody holds is abandoned and
    gets removed.

    Attributes:
        path: The folder.
        lock: Descriptor that holds the lock.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self.path, self.lock = _make()

    def remove(self) -> None:
        """Release the lock, and remove this folder and others if no process holds them."""
        os.close(self.lock)
        remove_abandoned()


def _make() -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.is_dir():  # else another process removed it as abandoned before the lock
                return path, lock
            os.close(lock)


def remove_abandoned() -> None:
    """Remove this user's folders that no living process holds."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            if not path.is_dir() or path.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(lock)
