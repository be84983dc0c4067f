"""Imports what every training needs: a sweep's template imports this module once, before it forks trials."""

import importlib

from convsweep.startup.lean_imports import import_lean, uncollected

NEEDED = (
    "lightning",
    "convsweep.run",
    "convsweep.models",
    "convsweep.data.datamodule",
    "convsweep.feasibility",
    "convsweep.callbacks.progress",
)

with uncollected():
    import_lean()
    for name in NEEDED:
        importlib.import_module(name)
