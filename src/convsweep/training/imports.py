"""Preparation of imports: patches before Lightning, OpenMP's threads before torch, and garbage
collection during imports.
"""

import atexit
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convsweep.patches import apply_patches, torchmetrics

# Of the busy-wait loop of GNU's OpenMP, some tenths of a millisecond instead of several.
SPINS = "10000"


def prepare_imports() -> None:
    """Apply the patches of imports and let threads wait briefly; to be called before torch and
    Lightning are imported.
    """
    apply_patches(torchmetrics.PATCHES)
    shorten_waits()


def shorten_waits() -> None:
    """Let the threads of GNU's OpenMP, which torch's wheels for Linux use, sleep soon when they
    wait for each other, unless the environment sets how they wait.

    Where other processes keep the cores busy, a thread that spins takes the core from the one that
    it waits for (LOG.md has a measurement).
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = SPINS


@contextmanager
def no_collection() -> Iterator[None]:
    """Disable garbage collection while modules are imported, and exempt their objects afterwards
    (`gc.freeze`).

    Functions and classes live as long as the process, but scanning them repeatedly takes a tenth of
    the start-up time; unscanned pages stay shared with forked processes. Objects created later are
    collected as usual.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # for libraries that check for leaks at exit
        gc.enable()
