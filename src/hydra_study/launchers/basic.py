"""Hydra's own launcher `basic`: one worker, in this process."""

from collections.abc import Sequence

from hydra.core.utils import JobReturn, configure_log

from hydra_study.interrupts import Interrupts
from hydra_study.launchers.composed_job import ComposedJob
from hydra_study.launchers.worker_task import WorkerTask
from hydra_study.launchers.workers import Workers
from hydra_study.sweep_spec import SweepSpec


class LocalWorker(Workers):
    """The worker that runs in this process."""

    is_local = True

    def launch(
        self, spec: SweepSpec, jobs: list[list[str]], first: int, interrupts: Interrupts
    ) -> Sequence[JobReturn]:
        """Run the worker without Hydra's launcher, which would print it as a job."""
        job = ComposedJob(spec.hydra_context, WorkerTask(spec), spec.config)
        done = [
            job.run(overrides, number, str(number)) for number, overrides in enumerate(jobs, first)
        ]
        # the job has configured its own logging
        configure_log(spec.config.hydra.hydra_logging, spec.config.hydra.verbose)
        return done
