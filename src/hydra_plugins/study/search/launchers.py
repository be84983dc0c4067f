"""Hydra's launchers, as far as a sweep must know them apart: what each needs, and how Ray is kept in hand."""

import os
import shutil
from importlib.util import find_spec

from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf, open_dict, read_write

from .errors import StudyError
from .launch import WorkerTask
from .recipe import Recipe

_RAY_STORE = 78_643_200
"""Bytes of Ray's object store, unless the config says otherwise; the launcher's own default."""

_EXTRAS = {"hydra_ray_launcher": "ray", "hydra_submitit_launcher": "slurm", "hydra_joblib_launcher": "joblib"}


def check_launcher(target: str) -> None:
    """Check that the launcher's package is there, and Slurm where that is what it starts.

    Raises:
        StudyError: It is not.
    """
    package = target.split(".")[1]
    if package in _EXTRAS and find_spec(f"hydra_plugins.{package}") is None:
        raise StudyError(
            f"hydra.launcher needs the package {package}, which is not installed; run: uv sync --extra {_EXTRAS[package]}"
        )
    if target.endswith("SlurmLauncher") and shutil.which("sbatch") is None:
        raise StudyError("hydra.launcher needs Slurm's sbatch, which is not here; start the sweep on a machine of the cluster")


def make_launcher(recipe: Recipe) -> Launcher:
    """Return the launcher of the config, for the workers of this sweep.

    Joblib gets no more processes than there are workers: an idle one dies of Ctrl-C, and joblib then kills all others.
    """
    launcher = recipe.config.hydra.launcher
    if str(launcher._target_).endswith("JoblibLauncher") and launcher.get("n_jobs") == -1:
        with read_write(recipe.config.hydra), open_dict(recipe.config.hydra):
            launcher.n_jobs = max(2, recipe.options.workers)
    return Plugins.instance().instantiate_launcher(
        hydra_context=recipe.hydra_context, task_function=WorkerTask(recipe), config=recipe.config
    )


def start_ray(recipe: Recipe) -> None:
    """Start or join Ray, if that is the launcher, ahead of it: Ray takes SIGTERM then, and would kill the workers by it."""
    launcher = recipe.config.hydra.launcher
    if str(launcher._target_).endswith("RayLauncher"):
        # Started by `uv run`, Ray would run the workers in a copy of the whole folder.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        from hydra_plugins.hydra_ray_launcher import _launcher_util

        init = OmegaConf.create({"object_store_memory": _RAY_STORE})
        init.merge_with(launcher.ray.init)
        _launcher_util.start_ray(init)
