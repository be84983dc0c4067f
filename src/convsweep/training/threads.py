"""How many threads torch computes with: a small network is slowed down by more than it can keep busy."""

import os

import torch

from convsweep.errors import UserError

MACS_A_THREAD = 250_000_000
"""Multiply-accumulates of a batch's forward pass that keep one thread busy; below, threads wait for each other."""


def set_threads(num_threads: int | str, macs: int | None, batch_size: int) -> int:
    """Set torch's threads and return how many there are.

    Args:
        num_threads: a number, or `auto`: one for each `MACS_A_THREAD` of a batch, at most the processor's; where
            OMP_NUM_THREADS is set, as in the trials of a sweep, `auto` leaves it so.
        macs: of one sample; None where they are not known.

    Raises:
        UserError: `num_threads` is neither.
    """
    if num_threads == "auto":
        if "OMP_NUM_THREADS" not in os.environ and macs is not None:
            torch.set_num_threads(max(1, min(torch.get_num_threads(), round(macs * batch_size / MACS_A_THREAD))))
    elif isinstance(num_threads, int) and num_threads >= 1:
        torch.set_num_threads(num_threads)
    else:
        raise UserError(f"num_threads must be auto or a whole number >= 1, but is {num_threads!r}")
    return torch.get_num_threads()
