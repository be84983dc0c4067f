"""Latency of a network on this machine: median of repeated runs after a warm-up."""

import os
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from numpy.typing import NDArray

from convsweep.inference.export.programs import Run

# A measurement ends at either limit.
MAX_RUNS, SECONDS = 300, 1.0

Times = dict[str, dict[int, float]]


def latencies(runs: Mapping[str, Run], x: NDArray[np.float32], batch_sizes: Sequence[int]) -> Times:
    """Return milliseconds a batch by name and batch size; samples are repeated to fill a batch."""
    found: Times = {name: {} for name in runs}
    for size in batch_sizes:
        batch = np.ascontiguousarray(np.resize(x, (size, *x.shape[1:])))
        for name, run in runs.items():
            found[name][size] = milliseconds(run, batch)
    return found


def milliseconds(run: Run, batch: NDArray[np.float32]) -> float:
    """Return the median time of a run in milliseconds."""
    run(batch)
    times: list[float] = []
    while len(times) < MAX_RUNS and sum(times) < SECONDS:
        before = time.perf_counter()
        run(batch)
        times.append(time.perf_counter() - before)
    return 1000 * median(times)


def machine() -> str:
    """Return processor, number of threads and torch's version."""
    threads = torch.get_num_threads()
    return f"{processor()}, {threads} of {os.cpu_count()} threads, torch {torch.__version__}"


def processor() -> str:
    """Return the processor's name from Linux or Python."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
