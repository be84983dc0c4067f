"""Imports torch, torchmetrics and Lightning without what a training does not use.

torchmetrics loads scipy.signal, torchvision's models and matplotlib whenever they are installed, which takes longer than
loading torch. What it finds missing at its import it does without; our own code imports these packages where it needs them.
What they need for compiling only takes longer still; it is put off.
"""

import atexit
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convsweep.startup.stand_ins import defer_compiling

LEFT_OUT = frozenset({"scipy", "torchvision", "matplotlib", "transformers", "pandas", "librosa", "onnxruntime"})


def import_lean() -> None:
    """Import torch and torchmetrics; call it before anything imports Lightning, which imports torchmetrics as it is."""
    defer_compiling()
    if "torchmetrics" not in sys.modules:
        with seemingly_missing():
            import torchmetrics  # noqa: F401


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no garbage while modules are imported, and never again among what they made.

    Their functions and classes live as long as the process, but to find that out again and again takes a tenth of the start;
    pages that are not looked through stay shared with the processes that are forked. Later, there is garbage of trainings.
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


@contextmanager
def seemingly_missing() -> Iterator[None]:
    """Let Lightning's utilities report the packages of `LEFT_OUT` as not installed."""
    from lightning_utilities.core import imports

    available, met = imports.package_available, imports.RequirementCache.__bool__

    def package_available(name: str) -> bool:
        return name.partition(".")[0] not in LEFT_OUT and available(name)

    def requirement_met(requirement: imports.RequirementCache) -> bool:
        name = re.split(r"[^A-Za-z0-9_]", str(requirement.requirement or requirement.module))[0]
        return name not in LEFT_OUT and met(requirement)

    imports.package_available = package_available  # type: ignore[assignment]
    imports.RequirementCache.__bool__ = requirement_met  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        imports.package_available = available
        imports.RequirementCache.__bool__ = met  # type: ignore[assignment, method-assign]
