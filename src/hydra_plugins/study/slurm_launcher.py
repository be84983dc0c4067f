"""The launcher `hydra/launcher=slurm`: the jobs of a multirun as a Slurm job array, by submitit."""

import contextlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict

if TYPE_CHECKING:
    import submitit

# Parameters that submitit knows for every kind of cluster; all others are passed as `slurm_NAME`.
_OF_ANY_CLUSTER = {
    "name",
    "timeout_min",
    "mem_gb",
    "nodes",
    "tasks_per_node",
    "cpus_per_task",
    "gpus_per_node",
    "stderr_to_stdout",
}


class SlurmLauncher(Launcher):
    """Slurm jobs that are requeued when their time limit is reached.

    Args:
        submitit_folder: Folder of submitit's files: pickled jobs, their output and results.
        max_num_timeout: How often a job is requeued.
        parameters: Parameters of submitit's executor; null omits one.
    """

    def __init__(self, submitit_folder: str, max_num_timeout: int, **parameters: Any) -> None:
        self._folder = submitit_folder
        self._max_num_timeout = max_num_timeout
        self._parameters = OmegaConf.create(parameters)

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store Hydra's context, the task function and the composed config."""
        self._job = SlurmJob(hydra_context, task_function, config)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run a job for each list of overrides and wait for all."""
        return [job.results()[0] for job in self.submit(job_overrides, initial_job_idx)]

    def submit(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> "list[submitit.Job[JobReturn]]":
        """Queue a job for each list of overrides.

        Raises:
            RuntimeError: Slurm refuses them; the message is Slurm's.
        """
        from submitit import AutoExecutor

        executor = AutoExecutor(
            self._folder, cluster="slurm", slurm_max_num_timeout=self._max_num_timeout
        )
        given: Any = OmegaConf.to_container(self._parameters, resolve=True)
        executor.update_parameters(
            **{key if key in _OF_ANY_CLUSTER else f"slurm_{key}": given[key] for key in given}
        )
        # the output of sbatch is part of the error, too
        with contextlib.redirect_stderr(io.StringIO()), executor.batch():
            return [
                executor.submit(
                    self._job, list(overrides), initial_job_idx + index, Singleton.get_state()
                )
                for index, overrides in enumerate(job_overrides)
            ]


class SlurmJob:
    """A callable for submitit, which can be requeued: compose the config of a job, run it.

    Args:
        hydra_context: Composes the config.
        task_function: The function to run with it.
        config: The config of the multirun's command line.
    """

    def __init__(
        self, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self._context = hydra_context
        self._task_function = task_function
        self._config = config

    def __call__(self, overrides: list[str], number: int, singletons: dict[Any, Any]) -> JobReturn:
        """Run the job with this number in the multirun."""
        import submitit

        Singleton.set_state(singletons)
        setup_globals()
        config = self._context.config_loader.load_sweep_config(self._config, overrides)
        with open_dict(config.hydra.job):
            config.hydra.job.id = submitit.JobEnvironment().job_id
            config.hydra.job.num = number
        return run_job(
            task_function=self._task_function,
            config=config,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
            hydra_context=self._context,
        )

    def checkpoint(self, *arguments: Any) -> Any:
        """Return the callable of a requeued job: the same one."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, *arguments)
