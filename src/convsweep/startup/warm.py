"""Imports what every training needs: a sweep's template imports this module once, before it forks trials."""

import importlib

from convsweep.startup.garbage import no_collection
from convsweep.startup.imports import prepare_imports

NEEDED = (
    "lightning",
    "convsweep.run",
    "convsweep.models",
    "convsweep.data.datamodule",
    "convsweep.feasibility",
    "convsweep.callbacks.progress",
    "wandb",
    "wandb.sdk.launch",  # imported by each `wandb.init`
    "numpy.random",
    "convsweep.fit",
    "convsweep.nets.feasible",
    "convsweep.cost.table",
    "convsweep.tracking.at_best",
    "convsweep.tracking.drawing",
    "convsweep.tracking.prediction",
    "convsweep.tracking.wandb_logger",
    "convsweep.tracking.wandb_media",
)

with no_collection():
    prepare_imports()
    for name in NEEDED:
        importlib.import_module(name)
