"""What comes before Lightning is imported, and the garbage collector while modules are."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convsweep.patches import apply_patches, torchmetrics


def prepare_imports() -> None:
    """Apply the patches of imports; call it before anything imports Lightning."""
    apply_patches(torchmetrics.PATCHES)


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no garbage while modules are imported, and never again among what they made.

    Their functions and classes live as long as the process, but to find that out again and again
    takes a tenth of the start; pages that are not looked through stay shared with the processes
    that are forked. Later, there is garbage of trainings.
    """
    if "torch" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        atexit.register(gc.unfreeze)  # libraries that count what is left at the end find nothing
        gc.enable()
