"""The config of one trial: that of a plain single run, in the folder of the trial."""

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
    """Return the whole config of a trial, with Hydra's part set to a single run in no folder
    yet.
    """
    config = spec.hydra_context.config_loader.load_sweep_config(spec.config, list(job.overrides))
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.mode = RunMode.RUN
        config.hydra.job.num = job.number
        config.hydra.job.id = str(job.number)
    place(config, ".")
    # for references; its own setter makes a copy
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
    """Make `sys.argv` the command line of a single run of this trial.

    Whoever starts this process's script again (Lightning does, for the ranks of DDP) gets the
    trial, not the sweep.
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
