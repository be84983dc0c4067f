"""How Hydra's launchers start the workers of a sweep: one file each, found by the launcher that it
names.
"""

import pkgutil
from importlib import import_module

from omegaconf import DictConfig

from hydra_study.launchers.basic import LocalWorker
from hydra_study.launchers.workers import Workers


def workers_by(hydra: DictConfig) -> Workers:
    """Return how the launcher that Hydra's own config names starts workers."""
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
