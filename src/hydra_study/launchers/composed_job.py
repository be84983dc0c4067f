"""A job of a multirun: compose the config, run the function with it."""

from dataclasses import dataclass

from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


@dataclass
class ComposedJob:
    """The part that all jobs of a multirun share.

    Attributes:
        hydra_context: Composes the config of a job.
        task_function: The function to run.
        config: The config of the multirun's command line.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig

    def run(self, overrides: list[str], number: int, id: str) -> JobReturn:
        """Run a job.

        Args:
            overrides: Overrides of its config.
            number: Its number in the multirun, `hydra.job.num`.
            id: Its id in the system that runs it, `hydra.job.id`.
        """
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
