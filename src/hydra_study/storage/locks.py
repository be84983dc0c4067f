"""File locks that the kernel releases when their holder dies."""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hydra_study.storage.patience import Patience

_LOOK_EVERY_S = 0.02


@contextmanager
def locked(path: Path, patience: Patience | None = None) -> Iterator[None]:
    """Hold an exclusive lock on the file `path`, created if missing, while the block runs.

    Args:
        path: The file.
        patience: Waits while another process holds the lock; by default without other work.
    """
    patience = patience or Patience()
    held = patience.call(lambda: os.open(path, os.O_CREAT | os.O_RDWR, 0o666))
    try:
        acquire(held, patience)
        yield
    finally:
        os.close(held)


def acquire(held: int, patience: Patience) -> None:
    """Wait until the descriptor holds the lock on its file.

    Polls, since a signal would not interrupt a blocking call.
    """
    since = time.monotonic()
    while True:
        try:
            patience.call(lambda: fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB))
        except BlockingIOError:
            patience.pause(since, random.uniform(0.1, 1.0) * _LOOK_EVERY_S)
        else:
            return


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on `path`, or None if another process holds it."""
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def is_held(path: Path) -> bool:
    """Return whether a process holds the exclusive lock on `path`, which may not exist; needs only
    read permission.
    """
    try:
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # shared, since NFS grants exclusive locks only on files opened for writing
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(held)
    return False


def write_atomically(path: Path, text: str, lasting: bool = True) -> None:
    """Replace the file `path`: readers see the old or the new text, never a part of it.

    Args:
        path: The file.
        text: Its new content.
        lasting: Whether to call `fsync`, so that the file survives a power cut.

    Raises:
        OSError: The file cannot be written; the old one is unchanged.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if lasting:
                os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
        raise
