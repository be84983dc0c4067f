"""How many processor cores this process may use, and how many of them read files."""

import os

MOST_READERS = 8
"""More threads or processes than these wait for the disk."""


def available_cores() -> int:
    """Return the number of cores that this process may run on: a scheduler may leave it a few of the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def num_readers() -> int:
    """Return how many threads read files at a time."""
    return min(MOST_READERS, available_cores())
