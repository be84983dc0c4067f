"""Keeps the memory that a step on the CPU frees for the next step, to which the system would hand it out page by page."""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Numbers of glibc's malloc.h."""

MOST_KEPT = 2**31 - 1
LARGEST_KEPT = 32 * 2**20
"""The most that glibc takes for each, in bytes; what is larger than the second is asked of the system each time."""


def keep_freed_memory() -> None:
    """Let glibc keep up to 2 GiB; nothing happens on other systems, or where the environment says how it shall be."""
    if not sys.platform.startswith("linux") or {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & set(os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT)
        mallopt(M_TRIM_THRESHOLD, MOST_KEPT)
