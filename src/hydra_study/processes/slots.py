"""The slots of a worker: how many trials run at a time, on which cores and GPUs."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from hydra_study.config import StudyConf
from hydra_study.errors import StudyError


@dataclass(frozen=True)
class Slot:
    """A place for one running trial.

    Attributes:
        index: Number of the slot in its worker.
        threads: Threads that a trial in it may use.
        environment: Environment variables that assign GPUs to it.
    """

    index: int
    threads: int
    environment: dict[str, str]


def count_slots(
    slots: int | None = None, threads: int = 1, gpus: float | None = None, workers: int = 1
) -> int:
    """Return how many trials each worker on this machine runs at a time, by these keys of
    `hydra.sweeper`.

    Raises:
        StudyError: A number is not positive, or a trial needs more GPUs than there are.
    """
    return len(make_slots(StudyConf(slots=slots, threads=threads, gpus=gpus, workers=workers)))


def make_slots(options: StudyConf) -> list[Slot]:
    """Return the slots of one worker on this machine.

    With GPUs there is a slot for each share of `gpus`, else one for each `threads` cores; the
    option `slots` overrides both.

    Raises:
        StudyError: A number is not positive, or a trial needs more GPUs than there are.
    """
    if options.threads < 1 or (options.slots is not None and options.slots < 1):
        given = f"slots={options.slots}, threads={options.threads}"
        raise StudyError(f"hydra.sweeper.slots and threads must be at least 1, but got {given}")
    devices = visible_gpus()
    share = options.gpus if options.gpus is not None else float(bool(devices))
    if share > 0 and len(devices) < max(1.0, share):
        rule = "hydra.sweeper.gpus must not exceed the GPUs of the machine"
        raise StudyError(
            f"{rule}, but got {share:g} with {len(devices)} visible; set hydra.sweeper.gpus=0 for"
            " the CPU"
        )
    count = options.slots or _default_count(options, devices, share)
    return [
        Slot(index, options.threads, _gpu_environment(index, devices, share, options.gpus))
        for index in range(count)
    ]


def _default_count(options: StudyConf, devices: list[str], share: float) -> int:
    if share > 0:
        return int(len(devices) // share) if share >= 1 else len(devices) * int(1 / share)
    # a Slurm job has its own cores; other workers share those of the machine
    sharing = 1 if os.environ.get("SUBMITIT_EXECUTOR") == "slurm" else options.workers
    return max(1, max(1, usable_cores() // options.threads) // sharing)


def _gpu_environment(
    index: int, devices: list[str], share: float, option: float | None
) -> dict[str, str]:
    if share == 0:
        return {"CUDA_VISIBLE_DEVICES": ""} if option == 0 and devices else {}
    if share >= 1:
        width = int(share)
        first = index * width % len(devices)
        return {"CUDA_VISIBLE_DEVICES": ",".join(devices[first : first + width])}
    return {"CUDA_VISIBLE_DEVICES": devices[index % len(devices)]}


def visible_gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs that a process may use here, without initialising CUDA."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name.strip()]
    found = (
        [name for name in os.listdir("/dev") if re.fullmatch(r"nvidia\d+", name)]
        if Path("/dev").is_dir()
        else []
    )
    return [str(index) for index in range(len(found))]


def usable_cores() -> int:
    """Return the number of cores that this process may use, by its CPU affinity, Slurm job and
    cgroup quota.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    cores = min(cores, int(os.environ.get("SLURM_CPUS_PER_TASK", cores)))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return cores if quota == "max" else max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):
        return cores
