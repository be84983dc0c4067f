"""How Hydra's launchers start the workers of a sweep: what each of them needs, and how it is kept in hand."""

import os
import shutil
from collections.abc import Sequence
from importlib.util import find_spec

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, configure_log
from hydra.plugins.launcher import Launcher
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hydra_plugins.study.slurm_launcher import SlurmLauncher
from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts
from hydra_study.launchers.composed_job import ComposedJob
from hydra_study.launchers.launch import WorkerTask
from hydra_study.sweep_spec import SweepSpec

_RAY_STORE = 78_643_200
"""Bytes of Ray's object store, unless the config says otherwise; the launcher's own default."""


class Workers:
    """The workers of a sweep, started by any launcher.

    Attributes:
        package: The package of the launcher, if Hydra does not bring it.
        extra: The extra that brings the package.
        is_local: Whether there is one worker, in this process.
        ends_processes: Whether the process of a worker ends with it once its parent is gone.
    """

    package = ""
    extra = ""
    is_local = False
    ends_processes = False

    def check(self) -> None:
        """Check that the launcher can be used here.

        Raises:
            StudyError: It cannot.
        """
        if self.package and find_spec(self.package) is None:
            name = self.package.rpartition(".")[2]
            raise StudyError(
                f"hydra.launcher needs the package {name}, which is not installed; run: uv sync --extra {self.extra}"
            )

    def launch(self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts) -> Sequence[JobReturn]:
        """Run a worker for each list of overrides, numbered from `first`, until all have ended."""
        return self._launcher(spec).launch(jobs, initial_job_idx=first)

    def _launcher(self, spec: SweepSpec) -> Launcher:
        task = WorkerTask(spec, self.ends_processes)
        context, config = spec.hydra_context, spec.config
        return Plugins.instance().instantiate_launcher(hydra_context=context, task_function=task, config=config)


class LocalWorker(Workers):
    """The worker that runs in this process."""

    is_local = True

    def launch(self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts) -> Sequence[JobReturn]:
        """Run the worker here, where Hydra's own launcher would list it as a job."""
        job = ComposedJob(spec.hydra_context, WorkerTask(spec), spec.config)
        done = [job.run(overrides, number, str(number)) for number, overrides in enumerate(jobs, first)]
        configure_log(spec.config.hydra.hydra_logging, spec.config.hydra.verbose)  # the job had its own
        return done


class JoblibWorkers(Workers):
    """Workers in processes of joblib."""

    package, extra = "hydra_plugins.hydra_joblib_launcher", "joblib"
    ends_processes = True

    def launch(self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts) -> Sequence[JobReturn]:
        """Run the workers in as many processes: an idle one dies of Ctrl-C, and joblib then kills all others."""
        launcher = spec.config.hydra.launcher
        if launcher.get("n_jobs") == -1:
            with read_write(spec.config.hydra), open_dict(spec.config.hydra):
                launcher.n_jobs = max(2, len(jobs))
        return super().launch(spec, jobs, first, interrupts)


class RayWorkers(Workers):
    """Workers as tasks of Ray."""

    package, extra = "hydra_plugins.hydra_ray_launcher", "ray"

    def launch(self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts) -> Sequence[JobReturn]:
        """Start or join Ray ahead of its launcher: it takes SIGTERM then, and would kill the workers by it."""
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # by `uv run` they would run in a copy of the whole folder
        import ray

        if not ray.is_initialized():
            options = OmegaConf.to_container(spec.config.hydra.launcher.ray.init, resolve=True)
            assert isinstance(options, dict)
            ray.init(**{"object_store_memory": _RAY_STORE, **options})
        interrupts.take()
        return super().launch(spec, jobs, first, interrupts)


class SlurmWorkers(Workers):
    """Workers as jobs of Slurm."""

    package, extra = "submitit", "slurm"

    def check(self) -> None:
        """Check that submitit is installed and Slurm can be asked from here."""
        super().check()
        if shutil.which("sbatch") is None:
            raise StudyError(
                "hydra.launcher needs Slurm's sbatch, which is not here; start the sweep on a machine of the cluster"
            )

    def launch(self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts) -> Sequence[JobReturn]:
        """Queue the jobs and follow them in Slurm's queue."""
        from hydra_study.launchers.slurm_queue import Queue

        launcher = self._launcher(spec)
        assert isinstance(launcher, SlurmLauncher)
        try:
            submitted = launcher.submit(jobs, first)
        except RuntimeError as error:
            raise StudyError(f"Slurm refused the jobs of the workers; mend hydra.launcher: {str(error).strip()}") from error
        return Queue(spec, submitted, interrupts).wait()


_WORKERS: dict[str, type[Workers]] = {
    "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher": JoblibWorkers,
    "hydra_plugins.hydra_ray_launcher.ray_launcher.RayLauncher": RayWorkers,
    "hydra_plugins.study.slurm_launcher.SlurmLauncher": SlurmWorkers,
}


def workers_by(hydra: DictConfig) -> Workers:
    """Return how the launcher that Hydra's own config names starts workers."""
    if hydra.runtime.choices.get("hydra/launcher") == "basic":
        return LocalWorker()
    return _WORKERS.get(str(hydra.launcher._target_), Workers)()
