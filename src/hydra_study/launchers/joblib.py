"""The launcher `joblib`: workers in processes of this machine."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn

from hydra_study.interrupts import Interrupts
from hydra_study.launchers.workers import Workers
from hydra_study.sweep_spec import SweepSpec


class JoblibWorkers(Workers):
    """Workers in processes of joblib."""

    launcher = "hydra_plugins.hydra_joblib_launcher.joblib_launcher.JoblibLauncher"
    package, extra = "hydra_plugins.hydra_joblib_launcher", "joblib"
    ends_processes = True

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Run the workers in exactly as many processes.

        Ctrl-C would end an idle process of joblib, which then kills all others.
        """
        launcher: Any = self._launcher(spec)
        if launcher.joblib.get("n_jobs") == -1:
            launcher.joblib["n_jobs"] = max(2, len(jobs))
        done: Sequence[JobReturn] = launcher.launch(jobs, initial_job_idx=first)
        return done
