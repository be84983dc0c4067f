"""A sweep's jobs under Slurm: followed in its queue, where none of them stays when the sweep is
over.

Submitit asks Slurm's accounting for its jobs, rarely, which not every cluster keeps; and it waits
for jobs that have not started when the others have finished the sweep.
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

# Seconds between two looks at the queue, once jobs have had time to fail, while their results are
# not there.
_LOOK_EVERY = 10.0

# States of a job that goes on, or may begin again.
_UNFINISHED = (
    *(
        "PENDING",
        "RUNNING",
        "SUSPENDED",
        "COMPLETING",
        "CONFIGURING",
        "REQUEUED",
        "REQUEUE_FED",
        "REQUEUE_HOLD",
    ),
    *("RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"),
)


class Queue:
    """The jobs of the workers, from their submission to the end of the last.

    Args:
        spec: The sweep.
        jobs: What submitit has submitted.
        interrupts: Requests to the head to stop.
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
        self._well: set[str] = set()

    def wait(self) -> list[JobReturn]:
        """Wait until all jobs have ended and return those that have something to say of why.

        As soon as one worker has ended by itself, or the head is asked to stop, jobs that have not
        begun are cancelled. A second request cancels all.

        Raises:
            StudyError: All jobs were cancelled, or failed, before a worker began.
            RuntimeError: All jobs were lost.
        """
        try:
            # asks all: one that waits hides no end of another
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
        return self._message()

    def _is_closing(self) -> bool:
        return bool(self._well) or self._interrupts.count > 0

    def _cancel(self, *options: str) -> None:
        subprocess.run(["scancel", "--quiet", *options, self._id], check=False)

    def _has_ended(self, job: "Job[JobReturn]") -> bool:
        """Whether a worker has ended by itself, or its job has left the queue for good: one that is
        requeued comes back.
        """
        if job.job_id in self._well:
            return True
        result = _result(job)
        if (
            result is not None
            and result.status == JobStatus.COMPLETED
            and result.return_value.signal is None
        ):
            self._well.add(job.job_id)
            return True
        self._look()
        return self._states is not None and self._state(job) not in _UNFINISHED

    def _state(self, job: "Job[JobReturn]") -> str:
        """Return the state of a job; one that left the queue unseen was cancelled before it
        began.
        """
        return (self._states or {}).get(job.job_id, "CANCELLED")

    def _look(self) -> None:
        """Look at the queue, if the last time was long ago."""
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
        # jobs are forgotten some minutes after their end
        if done.returncode == 0 or "Invalid job id" in done.stderr:
            former = {
                job: state if state not in _UNFINISHED else "CANCELLED"
                for job, state in (self._states or {}).items()
            }
            self._states = former | dict(
                line.split(maxsplit=1) for line in done.stdout.splitlines()
            )

    def _message(self) -> list[JobReturn]:
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
            return [result for id, result in results.items() if not self._well or id in self._well]
        if not lost:
            raise StudyError(
                "all jobs of the sweep were cancelled in Slurm's queue; the same command goes on"
                " from here"
            )
        if not any(self._spec.paths.workers.glob(f"{self._spec.session}-*.json")):
            raise StudyError(
                "Slurm's jobs failed before a worker began; what the first one said:"
                f" {lost[0].paths.stdout}"
            )
        raise RuntimeError(
            f"Slurm ended the jobs of all workers; what the first one said: {lost[0].paths.stdout}"
        )


def _result(job: "Job[JobReturn]") -> JobReturn | None:
    """Return what a worker's job has left, or None; that of a job that was requeued is replaced
    when it ends again.
    """
    try:
        return (
            job.result() if job.paths.result_pickle.exists() and job.exception() is None else None
        )
    except (OSError, EOFError):
        return None
