"""The largest size of image that fits into the memory of a device."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import torch

from convsweep.cost import UntraceableError, measure
from convsweep.errors import InfeasibleError
from convsweep.explain.synth.subject import SynthSubject

# Of the free memory that may be counted on: allocators keep blocks of their own.
SHARE = 0.8
MEMINFO = Path("/proc/meminfo")
VALUE_BYTES = 4


@dataclass(frozen=True)
class Work:
    """Memory needs of the work on a batch of images.

    Attributes:
        count: number of images.
        until: names of layers; the network runs up to the last of them. Empty: all of it.
        copies: further images of the same size kept for each.
        peak: peak memory with gradients, relative to the activations kept for the backward pass: up
            to 2 for class images and dreams on a CPU (measured), 4 if feature maps are compared
            with targets.
    """

    count: int = 1
    until: Sequence[str] = ()
    copies: int = 0
    peak: int = 2


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a device in bytes, including reclaimable file cache."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    if MEMINFO.is_file():
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    # the system does not report free memory
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2


def fitting_size(
    subject: SynthSubject, available: int | None = None, work: Work | None = None
) -> tuple[int, ...]:
    """Return the largest size, in the proportions of the training data, whose activations fit into
    the free memory.

    Args:
        available: bytes; None asks the device.
        work: its memory needs; None: one image through the whole network.
    """
    room = int(SHARE * (free_bytes(subject.device) if available is None else available))
    low, high = 1, 8192
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (middle, high)
            if needs(subject, scale_size(subject, middle), work) <= room
            else (low, middle)
        )
    return scale_size(subject, low)


def fitting_count(
    subject: SynthSubject, size: tuple[int, ...], work: Work, available: int | None = None
) -> int:
    """Return the number of images of a size that fit into the free memory at a time."""
    room = int(SHARE * (free_bytes(subject.device) if available is None else available))
    fixed = needs(subject, size, replace(work, count=0))
    each = needs(subject, size, replace(work, count=1)) - fixed
    return max(0, room - fixed) // max(1, each)


def scale_size(subject: SynthSubject, longest: int) -> tuple[int, ...]:
    """Return the size of the training data scaled to a longest side."""
    size = subject.in_shape[1:]
    return tuple(max(1, round(length * longest / max(size))) for length in size)


def needs(subject: SynthSubject, size: tuple[int, ...], work: Work | None = None) -> int:
    """Return the bytes of a forward and backward pass; 0 for a size that the network cannot
    process.

    For a part of the network they are scaled from the size of the training data, since later layers
    may require it.
    """
    work = work or Work()
    at = subject.in_shape[1:] if work.until else size
    try:
        # the gradient of the image needs the same activations as the gradients of the weights
        subject.net.requires_grad_(True)
        cost = measure(subject.net, (subject.in_shape[0], *at))
    except (InfeasibleError, UntraceableError, RuntimeError):
        return 0
    finally:
        subject.net.requires_grad_(False)
    ends = [place for place, layer in enumerate(cost.layers) if layer.name in work.until]
    seen = cost.layers[: ends[-1] + 1] if ends else cost.layers
    maps = sum(layer.activations for layer in seen) * prod(size) // prod(at)
    copies = work.copies * VALUE_BYTES * subject.in_shape[0] * prod(size)
    return cost.memory(0, 0) + work.count * (work.peak * maps + copies)
