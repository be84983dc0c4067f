"""Cache of decoded folders as memory-mapped arrays: written atomically, shared by all processes."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

# Raised when the content of cached arrays changes, so that older ones are not read.
FORMAT = 1
Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Layout:
    """Shape and dtype of one array."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def nbytes(self) -> int:
        return int(np.prod(self.shape)) * np.dtype(self.dtype).itemsize


def default_cache_dir() -> Path:
    """Return the user's cache folder for this program (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "convsweep"


def fingerprint(files: Sequence[Path], root: Path, settings: Any) -> str:
    """Return a key that changes with the names, sizes and times of the files and with the decoding
    options.

    Args:
        settings: anything that JSON can hold, or with a complete `repr`.
    """
    digest = blake2b(digest_size=16)
    digest.update(
        json.dumps([FORMAT, str(root.resolve()), settings], default=repr, sort_keys=True).encode()
    )
    for file in files:
        stat = file.stat()
        digest.update(f"{file}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def store(folder: Path, layouts: dict[str, Layout], write: Callable[[Arrays], None]) -> Arrays:
    """Return the arrays of a cache folder, writing them first if they are missing or do not match.

    Args:
        folder: its name is the fingerprint of what it holds.
        layouts: the arrays by name.
        write: fills the arrays; if it raises, nothing is kept.

    Raises:
        OSError: if the cache cannot be written.
    """
    found = open_arrays(folder, layouts)
    if found is not None:
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock_between_processes(folder.with_suffix(".lock")) as alone:
        found = open_arrays(folder, layouts)
        if found is not None:
            return found
        prefix = f".{folder.name}-"
        if alone:
            remove_leftovers(folder.parent, prefix)
        check_space(folder.parent, sum(layout.nbytes for layout in layouts.values()))
        temporary = Path(tempfile.mkdtemp(prefix=prefix, dir=folder.parent))
        try:
            arrays = {
                name: open_memmap(
                    temporary / f"{name}.npy", "w+", np.dtype(layout.dtype), layout.shape
                )
                for name, layout in layouts.items()
            }
            write(dict(arrays))
            for array in arrays.values():
                array.flush()
            del arrays
            if folder.exists():
                shutil.rmtree(folder)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    found = open_arrays(folder, layouts)
    assert found is not None
    return found


def check_space(folder: Path, needed: int) -> None:
    """Raise OSError if the arrays do not fit: writing a memory map on a full disk would kill the
    process.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(f"{needed / 2**20:.0f} MiB needed, {free / 2**20:.0f} MiB free")


def open_arrays(folder: Path, layouts: dict[str, Layout]) -> Arrays | None:
    """Return the memory-mapped arrays, or None if one is missing, cut off or of another layout."""
    arrays: Arrays = {}
    for name, layout in layouts.items():
        try:
            array = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if array.shape != layout.shape or array.dtype != np.dtype(layout.dtype):
            return None
        arrays[name] = array
    return arrays


def remove_leftovers(folder: Path, prefix: str) -> None:
    """Remove temporary folders of killed processes; only the holder of the lock may have one."""
    for left in folder.iterdir():
        if left.name.startswith(prefix) and left.is_dir():
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def lock_between_processes(file: Path) -> Iterator[bool]:
    """Hold a lock between processes of one machine, released if the process dies. Yields False if
    the system has no such lock.
    """
    try:
        import fcntl
    except (
        ImportError
    ):  # Windows: two processes may decode at once, and one of the two equal results is kept
        yield False
        return
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield True
