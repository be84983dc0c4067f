"""Which of a run's processes this one is, before torch is loaded."""

import os

RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
"""Where launchers state a process's rank; the first that is set counts, as in Lightning."""


def is_first() -> bool:
    """Return whether this process writes the record: rank 0, or the only one."""
    rank = next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0")
    return rank == "0"
