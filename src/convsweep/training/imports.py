"""Preparation of imports: patches before Lightning, and garbage collection during imports."""

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convsweep.patches import apply_patches, torchmetrics


def prepare_imports() -> None:
    """Apply the patches of imports; to be called before Lightning is imported."""
    apply_patches(torchmetrics.PATCHES)


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
