"""The memory that is free for a training."""

import os
import re
from pathlib import Path

import torch


def free_memory(device: torch.device | None = None) -> int:
    """Return the bytes that are free on a device; None: on the GPU if there is one, else on the
    machine.
    """
    on_gpu = torch.cuda.is_available() if device is None else device.type == "cuda"
    if on_gpu:
        return int(torch.cuda.mem_get_info(device)[0])
    pages = "SC_AVPHYS_PAGES" if "SC_AVPHYS_PAGES" in os.sysconf_names else "SC_PHYS_PAGES"
    return available_from(Path("/proc/meminfo")) or os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")


def available_from(meminfo: Path) -> int | None:
    """Return the bytes that Linux says are available, caches included; None elsewhere."""
    if not meminfo.is_file():
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", meminfo.read_text())
    return int(found[1]) * 1024 if found else None
