"""Wait for a sweep's Slurm jobs, and cancel pending ones when the sweep is finished.

Submitit polls Slurm's accounting database, which not every cluster has, and would wait for pending
jobs after the others have finished the sweep.
"""

import logging
import subprocess
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hydra.core.utils import JobReturn, JobStatus

from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts
from hydra_study.sweep_spec import SweepSpec

if TYPE_CHECKING:
    from submitit import Job

log = logging.getLogger("study")

# Longest time between two calls of squeue, in seconds.
_LOOK_EVERY = 10.0

# States of a job that is queued or running, or may be requeued.
_UNFINISHED = (
    "PENDING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETING",
    "CONFIGURING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "SIGNALING",
    "STAGE_OUT",
    "STOPPED",
)


class Queue:
    """The jobs of the workers, from their submission to the end of the last.

    Args:
        spec: The sweep.
        jobs: The submitted jobs.
        interrupts: Signals to this process.
    """

    def __init__(
        self, spec: SweepSpec, jobs: "Sequence[Job[JobReturn]]", interrupts: Interrupts
    ) -> None:
        self._spec = spec
        self._jobs = jobs
        self._id = str(jobs[0].job_id).split("_")[0]
        self._interrupts = interrupts
        self._states: dict[str, str] | None = None
        self._began = self._looked = time.monotonic()
        self._finished: set[str] = set()

    def wait(self) -> list[JobReturn]:
        """Wait until all jobs have ended and return their results.

        Pending jobs are cancelled as soon as one worker has finished or this process is
        interrupted; a second signal cancels all jobs.

        Raises:
            StudyError: All jobs were cancelled, or failed, before a worker started.
            RuntimeError: All jobs were lost.
        """
        try:
            # a list, not `all`: every job is checked, so that each end is noticed
            while [job for job in self._jobs if not self._has_ended(job)]:
                if self._is_closing():
                    self._cancel("--state=PENDING")
                time.sleep(1)
        except KeyboardInterrupt:
            self._cancel()
            return []
        except BaseException:
            self._cancel()
            raise
        return self._collect_results()

    def _is_closing(self) -> bool:
        return bool(self._finished) or self._interrupts.count > 0

    def _cancel(self, *options: str) -> None:
        subprocess.run(["scancel", "--quiet", *options, self._id], check=False)

    def _has_ended(self, job: "Job[JobReturn]") -> bool:
        """Return whether a worker has finished or its job has left the queue for good (a requeued
        job returns to it).
        """
        if job.job_id in self._finished:
            return True
        result = _result(job)
        if (
            result is not None
            and result.status == JobStatus.COMPLETED
            and result.return_value.signal is None
        ):
            self._finished.add(job.job_id)
            return True
        self._poll()
        return self._states is not None and self._state(job) not in _UNFINISHED

    def _state(self, job: "Job[JobReturn]") -> str:
        """Return the state of a job; one that squeue never listed was cancelled while pending."""
        return (self._states or {}).get(job.job_id, "CANCELLED")

    def _poll(self) -> None:
        """Call squeue if the last call is long enough ago."""
        now = time.monotonic()
        if now - self._looked < (
            1 if self._is_closing() else min(_LOOK_EVERY, (now - self._began) / 2)
        ):
            return
        self._looked = now
        command = [
            "squeue",
            "--noheader",
            "--array",
            "--states=all",
            "--format=%i %T",
            f"--jobs={self._id}",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # Slurm forgets jobs some minutes after their end
        if done.returncode == 0 or "Invalid job id" in done.stderr:
            former = {
                job: state if state not in _UNFINISHED else "CANCELLED"
                for job, state in (self._states or {}).items()
            }
            self._states = former | dict(
                line.split(maxsplit=1) for line in done.stdout.splitlines()
            )

    def _collect_results(self) -> list[JobReturn]:
        results = {job.job_id: result for job in self._jobs if (result := _result(job)) is not None}
        lost = [
            job
            for job in self._jobs
            if job.job_id not in results and self._state(job) != "CANCELLED"
        ]
        if lost:
            log.warning(
                "jobs that Slurm ended: %s",
                ", ".join(f"{job.job_id} ({self._state(job)})" for job in lost),
            )
        if results or self._interrupts.count:
            return [
                result
                for id, result in results.items()
                if not self._finished or id in self._finished
            ]
        if not lost:
            raise StudyError(
                "all jobs of the sweep were cancelled in Slurm's queue; the same command continues"
                " from here"
            )
        if not any(self._spec.paths.workers.glob(f"{self._spec.session}-*.json")):
            raise StudyError(
                "Slurm's jobs failed before a worker started; output of the first one:"
                f" {lost[0].paths.stdout}"
            )
        raise RuntimeError(
            f"Slurm ended the jobs of all workers; output of the first one: {lost[0].paths.stdout}"
        )


def _result(job: "Job[JobReturn]") -> JobReturn | None:
    """Return the result file of a job, or None; a requeued job overwrites it."""
    try:
        return (
            job.result() if job.paths.result_pickle.exists() and job.exception() is None else None
        )
    except (OSError, EOFError):
        return None
