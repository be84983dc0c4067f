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
    """Hold the exclusive lock on `path` (made if missing) for the length of the block.

    Args:
        path: The file.
        patience: What goes on while another process holds it; without one, nothing does.
    """
    patience = patience or Patience()
    held = patience.call(lambda: os.open(path, os.O_CREAT | os.O_RDWR, 0o666))
    try:
        take(held, patience)
        yield
    finally:
        os.close(held)


def take(held: int, patience: Patience) -> None:
    """Wait until the descriptor holds the lock on its file.

    It is asked for again and again: a signal handler that returns would not end a blocking call.
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
    """Return a descriptor that holds the lock on `path`, or None if somebody else holds it."""
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def is_held(path: Path) -> bool:
    """Whether a process holds the exclusive lock on `path`, which need not be there; reading it is
    enough.
    """
    try:
        held = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        # NFS gives an exclusive one only for writing
        fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(held)
    return False


def write_atomically(path: Path, text: str, lasting: bool = True) -> None:
    """Replace `path` by a file of this text: a reader sees the old one or the new one, never a
    part.

    Args:
        path: The file.
        text: Its content.
        lasting: Whether to wait for the disk, so that it outlives a power cut.
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
