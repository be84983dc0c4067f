"""Imports that every training needs, loaded once by a sweep's fork server."""

import importlib

from convsweep.task import known_tasks
from convsweep.training.imports import no_collection, prepare_imports

NEEDED = (
    "lightning",
    "convsweep.training.run",
    *(f"convsweep.tasks.{name}" for name in known_tasks()),
    "convsweep.data.datamodule",
    "convsweep.training.feasibility",
    "convsweep.training.callbacks.progress",
    "wandb",
    "wandb.sdk.launch",  # imported by each `wandb.init`
    "requests",  # imported by each `wandb.init` too
    "numpy.random",
    "convsweep.training.fit",
    "convsweep.nets.geometry",
    "convsweep.cost.table",
    "convsweep.tracking.best_epoch",
    "convsweep.pictures.drawing",
    "convsweep.pictures.prediction",
    "convsweep.tracking.wandb.logger",
    "convsweep.tracking.wandb.media",
    "convsweep.tracking.wandb.architecture",
    "convsweep.tracking.confusion",
    "convsweep.tracking.predictions",
    "convsweep.tracking.recordings",
    "convsweep.training.callbacks.checkpoints",
)

with no_collection():
    prepare_imports()
    for name in NEEDED:
        importlib.import_module(name)
