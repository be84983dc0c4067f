"""Number of torch's CPU threads, and reuse of memory between steps."""

import ctypes
import os
import sys

import torch

from convsweep.errors import UserError

# Multiply-accumulates of a batch's forward pass for each thread; with fewer, synchronisation
# dominates.
MACS_A_THREAD = 250_000_000


def set_threads(num_threads: int | str, macs: int | None, batch_size: int) -> int:
    """Set the number of torch's threads and return it.

    Args:
        num_threads: a number, or `auto`: one for each `MACS_A_THREAD` of a batch, at most the
            number of cores. If OMP_NUM_THREADS is set, as in trials of a sweep, `auto` does not
            change it.
        macs: of one sample; None if unknown.

    Raises:
        UserError: `num_threads` is neither.
    """
    if num_threads == "auto":
        if "OMP_NUM_THREADS" not in os.environ and macs is not None:
            torch.set_num_threads(
                max(1, min(torch.get_num_threads(), round(macs * batch_size / MACS_A_THREAD)))
            )
    elif isinstance(num_threads, int) and num_threads >= 1:
        torch.set_num_threads(num_threads)
    else:
        raise UserError(f"num_threads must be auto or a whole number >= 1, but is {num_threads!r}")
    return torch.get_num_threads()


# Numbers of glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

# The largest number that mallopt takes.
MOST_KEPT = 2**31 - 1
# Upper limits of glibc for each, in bytes; larger blocks than the second are always allocated by
# the system.
LARGEST_KEPT = 32 * 2**20


def keep_freed_memory() -> None:
    """Let glibc keep up to 2 GiB of freed memory; no effect on other systems, or if the environment
    sets malloc's options.
    """
    if not sys.platform.startswith("linux") or {
        "MALLOC_TRIM_THRESHOLD_",
        "MALLOC_MMAP_THRESHOLD_",
    } & set(os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
