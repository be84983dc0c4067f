"""The task function of a launcher's job: run one worker."""

import logging
import os
import signal
import warnings
from dataclasses import dataclass
from typing import Any

from hydra.core.hydra_config import HydraConfig
from optuna.exceptions import ExperimentalWarning

from hydra_study.errors import StudyError
from hydra_study.interrupts import Overdue
from hydra_study.processes.fork_server_client import ForkServerClient
from hydra_study.processes.temporary_folder import TemporaryFolder
from hydra_study.space.grammar import make_space
from hydra_study.storage.heartbeat import Heartbeat
from hydra_study.sweep_spec import SweepSpec, WorkerResult

logging.captureWarnings(False)


@dataclass
class WorkerTask:
    """The task function of a launcher's job, pickled to the process that runs it.

    Attributes:
        spec: The sweep.
        ends_process: Whether to end the process if its parent has died: a process of joblib would
            wait for further jobs for minutes.
    """

    spec: SweepSpec
    ends_process: bool = False

    def __call__(self, config: Any) -> WorkerResult:
        """Run the worker of a launcher's job until it ends."""
        parent = os.getppid()
        ended = self.run(int(HydraConfig.get().job.num))
        if self.ends_process and os.getppid() != parent:
            os._exit(0)  # nobody is left to receive the result
        return ended

    def run(self, index: int) -> WorkerResult:
        """Run the worker with this number until it ends."""
        try:
            return run_worker(self.spec, index)
        except StudyError as error:
            return WorkerResult(str(error), is_mistake=True)
        except (KeyboardInterrupt, Overdue):  # outside of the worker's loop, which counts them
            return WorkerResult("interrupted", signal.SIGINT)


def run_worker(spec: SweepSpec, index: int) -> WorkerResult:
    """Run the worker `index` of a session: heartbeat, fork server, storage, loop."""
    # unique, since some launchers start a lost worker again under the same index
    name = f"{spec.session}-{index}-{os.urandom(2).hex()}"
    heartbeat = Heartbeat(spec.paths.workers, name)
    temporary = TemporaryFolder()
    fork_server = None
    try:
        # before the storage is opened: trials must not share its database connection
        fork_server = ForkServerClient(spec, heartbeat.lock, temporary)
        from hydra_study.display.watcher import Watcher
        from hydra_study.processes.worker import Worker
        from hydra_study.storage.storage import open_storage, open_study
        from hydra_study.trials.sampling import build_pruner, build_sampler, count_worker

        options = spec.options
        storage = open_storage(
            options.storage,
            spec.paths,
            options.workers,
            is_made=True,
            timeout_s=options.storage_timeout,
        )
        study = open_study(storage, options.study_name, pruner=build_pruner(spec))
        study.reported_direction = spec.objectives.reported_direction
        number, num_trials = count_worker(study, spec), len(study.get_trials(deepcopy=False))
        study.sampler = build_sampler(spec, number, num_trials, says_so=index == 0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            with Watcher(spec, study, shows=spec.is_local) as watcher:
                return Worker(
                    spec, index, fork_server, heartbeat, study, make_space(spec), watcher
                ).run()
    finally:
        if fork_server is not None:
            fork_server.close()
        temporary.remove()
        heartbeat.end()
