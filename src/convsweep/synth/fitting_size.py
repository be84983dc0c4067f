"""Which size of image the memory of a device bears."""

import os

import torch

from convsweep.cost import UntraceableError, measure
from convsweep.errors import InfeasibleError
from convsweep.synth.subject import Subject

SHARE = 0.8
"""Of the free memory that may be counted on: allocators keep blocks of their own."""


def free_bytes(device: torch.device) -> int:
    """Return the free memory of a device."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        return torch.cuda.mem_get_info(device)[0]
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def fitting_size(subject: Subject, available: int | None = None) -> tuple[int, ...]:
    """Return the largest size, in the proportions of the training data, whose activations the free memory holds.

    Args:
        available: bytes; None asks the device.
    """
    room = int(SHARE * (free_bytes(subject.device) if available is None else available))
    low, high = 1, 8192
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if needs(subject, scaled(subject, middle)) <= room else (low, middle)
    return scaled(subject, low)


def scaled(subject: Subject, longest: int) -> tuple[int, ...]:
    """Return the size of the training data scaled to a longest side."""
    size = subject.in_shape[1:]
    return tuple(max(1, round(length * longest / max(size))) for length in size)


def needs(subject: Subject, size: tuple[int, ...]) -> int:
    """Return the bytes of a forward and backward pass of one image; a size that does not get through the network needs none."""
    try:
        subject.net.requires_grad_(True)  # what is kept for the gradient of the image is what would be kept for the weights
        return measure(subject.net, (subject.in_shape[0], *size)).memory(1, 0)
    except (InfeasibleError, UntraceableError, RuntimeError):
        return 0
    finally:
        subject.net.requires_grad_(False)
