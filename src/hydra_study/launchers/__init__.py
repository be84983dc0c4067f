"""Ways to start the workers of a sweep: one file for each of Hydra's launchers."""

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

from omegaconf import DictConfig

if TYPE_CHECKING:
    from hydra_study.launchers.workers import Workers


def workers_by(hydra: DictConfig) -> "Workers":
    """Return the `Workers` of the launcher that the config chooses."""
    # Hydra imports this package at each start, for the launcher `slurm`: no heavy imports above.
    from hydra_study.launchers.basic import LocalWorker
    from hydra_study.launchers.workers import Workers

    if hydra.runtime.choices.get("hydra/launcher") == "basic":
        return LocalWorker()
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        for kind in vars(import_module(module.name)).values():
            if (
                isinstance(kind, type)
                and issubclass(kind, Workers)
                and kind.launcher == str(hydra.launcher._target_)
            ):
                return kind()
    return Workers()
