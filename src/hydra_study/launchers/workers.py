"""Base class of the ways to start workers by one of Hydra's launchers."""

from collections.abc import Sequence
from importlib.util import find_spec

from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from hydra_study.errors import StudyError, how_to_install
from hydra_study.interrupts import Interrupts
from hydra_study.launchers.worker_task import WorkerTask
from hydra_study.sweep_spec import SweepSpec


class Workers:
    """The workers of a sweep, started by any launcher.

    A launcher that needs special treatment has a file in this folder with a subclass, which is
    found by its attribute `launcher`.

    Attributes:
        launcher: Dotted path of the launcher's class, `hydra.launcher._target_`.
        package: The launcher's package, if it is not Hydra's own.
        extra: The extra that installs the package.
        is_local: Whether there is a single worker, in this process.
        ends_processes: Whether a worker ends its process when the parent process has died.
    """

    launcher = ""
    package = ""
    extra = ""
    is_local = False
    ends_processes = False

    def check(self) -> None:
        """Check that the launcher can be used here.

        Raises:
            StudyError: Its package is not installed.
        """
        if self.package and find_spec(self.package) is None:
            name = self.package.rpartition(".")[2]
            raise StudyError(
                f"hydra.launcher needs the package {name}, which is not installed; "
                + how_to_install(self.extra)
            )

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Run a worker for each list of overrides, and wait until all have ended.

        Args:
            spec: The sweep.
            jobs: Overrides of each worker's job.
            first: Number of the first job.
            interrupts: Signals to this process.
        """
        return self._launcher(spec).launch(jobs, initial_job_idx=first)

    def _launcher(self, spec: SweepSpec) -> Launcher:
        task = WorkerTask(spec, self.ends_processes)
        context, config = spec.hydra_context, spec.config
        return Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=task, config=config
        )
