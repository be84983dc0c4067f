"""Description of a sweep and of one trial, pickled to workers and trials."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_study.config import StudyConf
from hydra_study.objectives import Objectives
from hydra_study.paths import SweepPaths
from hydra_study.task_function import Origin


@dataclass
class SweepSpec:
    """A sweep, as the process of the command line describes it to its workers.

    Attributes:
        hydra_context: Composes the config of a trial.
        task_function: The user's function.
        config: The config of the sweep's command line.
        options: The keys of `hydra.sweeper`.
        objectives: Names and directions of the values.
        folder: Absolute folder of the sweep.
        arguments: Overrides of the command line that are not Hydra's own.
        session: Name of this start of the sweep.
        is_local: Whether the worker runs in the process of the command line.
        script: The program's file; in a launcher's process `sys.argv[0]` may be another program.
        module: The program's module, if it was started by `python -m`.
        origin: Where to import the task function from; None if it is not importable by name.
        study_id: Id of the study, set once it is open.
        first: Overrides of one point of the space, to compose a config before the first trial.
        fixed: Overrides that are the same at every point.
        prior: Points of `hydra.sweeper.prior`.
    """

    hydra_context: HydraContext
    task_function: TaskFunction
    config: DictConfig
    options: StudyConf
    objectives: Objectives
    folder: Path
    arguments: list[str]
    session: str
    is_local: bool
    script: str
    module: str | None
    origin: Origin | None = None
    study_id: str = ""
    first: list[str] = field(default_factory=list)
    fixed: list[str] = field(default_factory=list)
    prior: list[dict[str, Any]] = field(default_factory=list)

    @property
    def paths(self) -> SweepPaths:
        """Paths of the sweep's files."""
        return SweepPaths(self.folder)


@dataclass
class Job:
    """One trial as a worker sends it to its fork server.

    Attributes:
        number: Number of the trial.
        overrides: Overrides of the trial's config.
        checkpoint: Checkpoint of the trial that it retries, or its own if it was paused.
        continues: Whether it was paused, and has a folder.
        environment: Environment variables of its slot.
        threads: Threads that it may use.
    """

    number: int
    overrides: list[str]
    checkpoint: str | None = None
    continues: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    threads: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the job as plain data."""
        return asdict(self)


@dataclass
class WorkerResult:
    """Return value of a worker, passed through the launcher.

    Attributes:
        reason: Why it ended, for the log.
        signal: The signal that ended it, if any.
        is_mistake: Whether it could not start; `reason` is then the error message for the user.
    """

    reason: str
    signal: int | None = None
    is_mistake: bool = False
