"""How one of Hydra's launchers starts the workers of a sweep: what it needs, and how it is kept in
hand.
"""

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

    A launcher that needs more has a file in this folder with one subclass, which is found by its
    `launcher`.

    Attributes:
        launcher: Dotted path of the launcher's class, `hydra.launcher._target_`.
        package: The package of the launcher, if Hydra does not bring it.
        extra: The extra that brings the package.
        is_local: Whether there is one worker, in this process.
        ends_processes: Whether the process of a worker ends with it once its parent is gone.
    """

    launcher = ""
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
                f"hydra.launcher needs the package {name}, which is not installed; "
                + how_to_install(self.extra)
            )

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Run a worker for each list of overrides, numbered from `first`, until all have ended."""
        return self._launcher(spec).launch(jobs, initial_job_idx=first)

    def _launcher(self, spec: SweepSpec) -> Launcher:
        task = WorkerTask(spec, self.ends_processes)
        context, config = spec.hydra_context, spec.config
        return Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=task, config=config
        )
