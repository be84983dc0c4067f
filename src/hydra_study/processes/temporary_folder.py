"""A folder for temporary files that goes with the processes it was made for: a killed process
removes nothing itself.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

_PREFIX = "study-"


class TemporaryFolder:
    """The folder that `tempfile` and other programs find as `TMPDIR` in the trials of one worker,
    or in the observer.

    A lock on it tells the folders of the living from those of the dead: the processes that it was
    made for inherit it.

    Attributes:
        path: The folder.
        lock: Descriptor that holds the lock; those processes inherit it.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self.path, self.lock = _make()

    def remove(self) -> None:
        """Remove the folder if no process holds it any more, and those that were left by killed
        ones.
        """
        os.close(self.lock)
        remove_abandoned()


def _make() -> tuple[Path, int]:
    """Return a new folder and the descriptor that holds its lock."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with contextlib.suppress(FileNotFoundError):
            lock = os.open(path, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_SH)
            if path.is_dir():  # else another process took it for abandoned before it was locked
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
