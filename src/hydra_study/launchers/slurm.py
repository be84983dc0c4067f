"""The launcher `slurm`: workers as jobs of Slurm, by submitit."""

import shutil
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn

from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts
from hydra_study.launchers.workers import Workers
from hydra_study.sweep_spec import SweepSpec


class SlurmWorkers(Workers):
    """Workers as jobs of Slurm."""

    launcher = "hydra_plugins.study.slurm_launcher.SlurmLauncher"
    package, extra = "submitit", "slurm"

    def check(self) -> None:
        """Check that submitit is installed and that this machine can submit Slurm jobs.

        Raises:
            StudyError: A package or `sbatch` is missing.
        """
        super().check()
        if shutil.which("sbatch") is None:
            raise StudyError(
                "hydra.launcher needs Slurm's sbatch, which is not here; start the sweep on a"
                " machine of the cluster"
            )

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Submit the jobs and wait for them.

        Raises:
            StudyError: Slurm refused the jobs, or they ended before a worker started.
        """
        from hydra_study.launchers.slurm_queue import Queue

        launcher: Any = self._launcher(spec)
        try:
            submitted = launcher.submit(jobs, first)
        except RuntimeError as error:
            raise StudyError(
                f"Slurm refused the jobs of the workers; mend hydra.launcher: {str(error).strip()}"
            ) from error
        return Queue(spec, submitted, interrupts).wait()
