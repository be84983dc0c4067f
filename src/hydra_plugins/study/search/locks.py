"""File locks that the kernel releases when their holder dies."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the exclusive lock on `path` (made if missing) for the length of the block."""
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock on `path`, or None if somebody else holds it."""
    held = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


def write_atomically(path: Path, text: str, lasting: bool = True) -> None:
    """Replace `path` by a file of this text: a reader sees the old one or the new one, never a part.

    Args:
        path: The file.
        text: Its content.
        lasting: Whether to wait for the disk, so that it outlives a power cut.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        if lasting:
            os.fsync(file.fileno())
    os.replace(fresh, path)
