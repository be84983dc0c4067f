"""How many processor cores read files."""

from hydra_plugins.study.cores import usable_cores

MOST_READERS = 8
"""More threads or processes than these wait for the disk."""


def num_readers() -> int:
    """Return how many threads read files at a time."""
    return min(MOST_READERS, usable_cores())
