"""Decoding of many files to arrays by several threads: in memory if they are small, else in the
cache.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from convsweep.data.checks import examples, tell_depth
from convsweep.data.files.cache import Arrays, Layout, default_cache_dir, fingerprint, store
from convsweep.data.files.folders import relative_names
from convsweep.data.files.images import (
    ImageDecoding,
    UnfitFileError,
    UnreadableFileError,
    decode_image,
    open_image,
    shape_by,
)
from convsweep.data.files.unreadable import SKIP, Unreadable
from convsweep.data.samples import Array
from convsweep.errors import UserError
from hydra_study import usable_cores

Keep = Literal["auto", "memory", "disk"]
# With keep=auto, fewer files with fewer bytes stay in memory, and each run decodes them again.
FEW_FILES = 1_000
# Enough that handing out tasks costs little.
FILES_PER_TASK = 32
# Files below are decoded by one thread, as Python's own work for each outweighs the decoding.
TINY_FILE_BYTES = 4_096
SMALL_BYTES = 64 * 2**20
# The array that marks the samples which could be read, where others are skipped.
IS_READ = "is_read"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Storage:
    """Where decoded files are kept.

    Args:
        keep: "memory", "disk" (memory-mapped), or "auto": in memory if they are small and quickly
            decoded again.
        cache_dir: folder of the cache; None: convsweep in the user's cache folder.
    """

    keep: Keep = "auto"
    cache_dir: str | None = None

    def folder(self, key: str) -> Path:
        return (Path(self.cache_dir).expanduser() if self.cache_dir else default_cache_dir()) / key


@dataclass(frozen=True)
class DecodingJob:
    """Files to decode.

    Args:
        root: the folder that the user named.
        files: all files that the result depends on.
        names: one name a sample, for messages.
        layouts: the arrays to fill, each with one row a sample.
        settings: everything else that the result depends on.
        decode: returns row i of every array.
        spans: the slice of sample i in each array, if these hold samples of different sizes one
            after the other.
    """

    root: Path
    files: Sequence[Path]
    names: Sequence[str]
    layouts: dict[str, Layout]
    settings: Any
    decode: Callable[[int], dict[str, Any]]
    spans: dict[str, Sequence[slice]] | None = None


def decode_files(job: DecodingJob, storage: Storage, unreadable: Unreadable) -> Arrays:
    """Return the arrays of a job.

    Args:
        unreadable: takes the names of the samples that cannot be read, if these are skipped; their
            rows hold nothing.

    Raises:
        UserError: naming the files that are unfit, by rule; or if the cache cannot be written.
    """
    if unreadable.skips:
        arrays = stored_arrays(with_marks(job), storage, unreadable)
        is_read = arrays.pop(IS_READ)
        unreadable.names |= {job.names[i] for i in np.flatnonzero(~is_read).tolist()}
        return arrays
    return stored_arrays(job, storage, unreadable)


def with_marks(job: DecodingJob) -> DecodingJob:
    """Return a job with an array that marks the samples which could be read."""
    count = len(job.names)
    marks = Layout((count,), "bool")
    spans = job.spans and {**job.spans, IS_READ: [slice(i, i + 1) for i in range(count)]}
    layouts = {**job.layouts, IS_READ: marks}
    return replace(job, layouts=layouts, settings=[job.settings, IS_READ], spans=spans)


def stored_arrays(job: DecodingJob, storage: Storage, unreadable: Unreadable) -> Arrays:
    """Return the arrays of a job from memory or the cache."""
    small = (
        len(job.files) < FEW_FILES
        and sum(layout.nbytes for layout in job.layouts.values()) < SMALL_BYTES
    )
    if storage.keep == "memory" or (storage.keep == "auto" and small):
        return in_memory(job, unreadable)
    folder = storage.folder(
        f"{job.root.resolve().name or 'root'}-{fingerprint(job.files, job.root, job.settings)}"
    )
    try:
        return store(folder, job.layouts, lambda arrays: fill(job, arrays, unreadable))
    except OSError as error:
        if storage.keep == "disk":
            raise UserError(
                f"The cache of decoded images must be writable, but {folder.parent} is not:"
                f" {error}; set data.cache_dir."
            ) from error
        log.warning(
            "The cache %s cannot be written (%s); the images stay in memory. Set data.cache_dir.",
            folder.parent,
            error,
        )
        return in_memory(job, unreadable)


def in_memory(job: DecodingJob, unreadable: Unreadable) -> Arrays:
    arrays: Arrays = {
        name: np.empty(layout.shape, layout.dtype) for name, layout in job.layouts.items()
    }
    fill(job, arrays, unreadable)
    return arrays


def fill(job: DecodingJob, arrays: Arrays, unreadable: Unreadable) -> None:
    """Decode every sample into its row.

    Raises:
        UserError: naming the unfit files.
    """
    unfit: list[tuple[str, UnfitFileError]] = []

    def some(first: int) -> None:
        for i in range(first, min(first + FILES_PER_TASK, len(job.names))):
            try:
                rows = job.decode(i)
                if unreadable.skips:
                    rows[IS_READ] = np.ones((), np.bool_)
                for name, row in rows.items():
                    if job.spans is None:
                        arrays[name][i] = row
                    else:
                        arrays[name][job.spans[name][i]] = row.reshape(-1)
            except UnfitFileError as error:
                if unreadable.skips and isinstance(error, UnreadableFileError):
                    arrays[IS_READ][i] = False
                    continue
                name = (
                    job.names[i]
                    if error.file is None
                    else relative_names([error.file], job.root)[0]
                )
                unfit.append((name, error))

    with ThreadPoolExecutor(max_workers=num_threads(job.files)) as pool:
        for _ in pool.map(some, range(0, len(job.names), FILES_PER_TASK)):
            pass  # raises the exception of a task, if it has one
    if unfit:
        raise UserError(
            unfit_message(
                sorted(unfit, key=lambda pair: pair[0]), len(job.names), job.root, hint=SKIP
            )
        )


def unfit_message(
    unfit: Sequence[tuple[str, UnfitFileError]], total: int, root: Path | str, hint: str = ""
) -> str:
    """Return one line for each broken rule, with a few of the files that break it.

    Args:
        hint: a further remedy for files that cannot be read.
    """
    rules: dict[tuple[str, str], list[str]] = {}
    for name, error in unfit:
        further = f", {hint}" if hint and isinstance(error, UnreadableFileError) else ""
        remedy = f"{error.remedy}{further}"
        rules.setdefault((error.rule, remedy), []).append(f"{name} ({error.detail})")
    return "\n".join(
        f"{rule}, but {len(found)} of {total} in {root} {'is' if len(found) == 1 else 'are'} not:"
        f" {examples(found)}; {remedy}."
        for (rule, remedy), found in rules.items()
    )


def image_shape(
    files: Iterable[Path], decoding: ImageDecoding, root: Path, unreadable: Unreadable
) -> tuple[int, int, int]:
    """Return the shape (C, H, W) of all images below a folder, by the first of them, or the first
    that can be read if others are skipped.

    Raises:
        UserError: it is no image.
    """
    unfit: list[tuple[str, UnfitFileError]] = []
    for file in files:
        try:
            return shape_by(file, decoding)
        except UnfitFileError as error:
            unfit.append((relative_names([file], root)[0], error))
            if not (unreadable.skips and isinstance(error, UnreadableFileError)):
                break
    hint = "" if unreadable.skips else SKIP
    raise UserError(unfit_message(unfit, len(unfit), root, hint))


def decode_images(
    files: Sequence[Path],
    root: Path,
    decoding: ImageDecoding,
    shape: tuple[int, int, int],
    storage: Storage,
    unreadable: Unreadable,
) -> Array:
    """Return all images (N, *shape) uint8.

    Args:
        root: the folder that the user named.
        shape: (C, H, W) of each.
        unreadable: as for `decode_files`.

    Raises:
        UserError: naming the files that are unfit.
    """
    job = DecodingJob(
        root=root,
        files=files,
        names=relative_names(files, root),
        layouts={"x": Layout((len(files), *shape), "uint8")},
        settings=[repr(decoding), shape],
        decode=lambda i: {"x": decode_image(open_image(files[i]), decoding, shape)},
    )
    x: Array = decode_files(job, storage, unreadable)["x"]
    tell_depth(x, files, decoding.white, root)
    return x


def num_threads(files: Sequence[Path]) -> int:
    """Return 1 for tiny files, whose decoding is mostly Python under the GIL, else the number of
    cores.
    """
    some = files[:: max(1, len(files) // 100)]
    mean_bytes = sum(file.stat().st_size for file in some) / max(1, len(some))
    return 1 if mean_bytes < TINY_FILE_BYTES else num_readers()


# More threads or processes would only wait for the disk.
MOST_READERS = 8


def num_readers() -> int:
    """Return the number of threads that read files."""
    return min(MOST_READERS, usable_cores())
