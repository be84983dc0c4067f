"""A job of a multirun: it composes its config and runs the function with it."""

from dataclasses import dataclass

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass
class ComposedJob:
    """What all jobs of a multirun have in common.

    Attributes:
        hydra_context: Composes the config of a job.
        task_function: What it runs.
        config: The config of the multirun's command line.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def run(self, overrides: list[str], number: int, id: str) -> JobReturn:
        """Run the job of this number, which whatever runs it calls by this id."""
        setup_globals()
        config = self.hydra_context.config_loader.load_sweep_config(self.config, overrides)
        with open_dict(config.hydra.job):
            config.hydra.job.id = id
            config.hydra.job.num = number
        return run_job(
            task_function=self.task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self.hydra_context,
        )
