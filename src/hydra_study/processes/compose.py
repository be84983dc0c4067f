"""Compose the config of a trial: a plain single run in the trial's folder."""

import copy
import sys
from importlib.machinery import ModuleSpec

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hydra_study.primary_config import config_arguments
from hydra_study.sweep_spec import Job, SweepSpec

_OF_THE_SWEEP = ("hydra.sweep", "hydra/sweep", "hydra.launcher", "hydra/launcher", "hydra.mode")


def compose(spec: SweepSpec, job: Job) -> DictConfig:
    """Return the config of a trial, `hydra` included, as of a single run without a folder yet."""
    config = spec.hydra_context.config_loader.load_sweep_config(spec.config, list(job.overrides))
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.mode = RunMode.RUN
        config.hydra.job.num = job.number
        config.hydra.job.id = str(job.number)
    place(config, ".")
    # for `${hydra:...}`; `set_config` would make a copy
    HydraConfig.instance().cfg = config  # type: ignore[assignment]
    return config


def place(config: DictConfig, folder: str) -> None:
    """Set the output folder of a config."""
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.run.dir = folder
        config.hydra.runtime.output_dir = folder


def task_config(config: DictConfig) -> DictConfig:
    """Return a copy of the task's part of a config."""
    task = copy.deepcopy(config, {id(config.hydra): DictConfig({})})
    with read_write(task), open_dict(task):
        del task["hydra"]
    return task


def set_plain_arguments(spec: SweepSpec, job: Job, folder: str) -> None:
    """Set `sys.argv` to the command line of a single run of this trial.

    Lightning starts the ranks of DDP by running the script again, which must run the trial and not
    the sweep.
    """
    hydra = spec.config.hydra
    given = OmegaConf.to_container(hydra.overrides.hydra)
    assert isinstance(given, list)
    of_hydra = [text for text in given if not str(text).lstrip("+~").startswith(_OF_THE_SWEEP)]
    quoted = folder.replace("\\", "\\\\").replace("'", "\\'")
    sys.modules["__main__"].__spec__ = (
        ModuleSpec(spec.module, None) if spec.module is not None else None
    )
    sys.argv = [
        spec.script,
        *config_arguments(hydra),
        *of_hydra,
        *job.overrides,
        "hydra.mode=RUN",
        f"hydra.run.dir='{quoted}'",
    ]
