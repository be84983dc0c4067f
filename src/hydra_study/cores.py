"""How many processor cores this process may use."""

import os
from pathlib import Path


def usable_cores() -> int:
    """Return the number of cores that this process may use: its affinity, within the quota of its cgroup and of its job."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = min(cores, int(os.environ.get("SLURM_CPUS_PER_TASK", cores)))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores
