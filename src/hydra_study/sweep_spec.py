"""What a worker and its trials need to know: picklable, handed through the launcher to every
worker.
"""

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
    """The sweep as a whole.

    Attributes:
        hydra_context: Composes the config of a trial.
        task_function: The user's function.
        config: The config of the sweep's command line.
        options: The keys of `hydra.sweeper`.
        objectives: What is optimised.
        folder: Absolute folder of the sweep.
        arguments: Overrides of the command line that are not Hydra's own.
        session: Name of this start of the sweep.
        is_local: Whether the worker runs in the process of the command line.
        script: The program's file, which is not `sys.argv[0]` where a launcher has started another
            program.
        module: Its name, if it was started by `python -m`.
        origin: Where the task function can be found; None if it is no name of a module.
        study_id: Id of the study, once it is open.
        first: Overrides of some point of the space, for what needs a config before the first trial.
        fixed: Overrides that are the same at every point.
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

    @property
    def paths(self) -> SweepPaths:
        """Where the sweep keeps its files."""
        return SweepPaths(self.folder)


@dataclass
class Job:
    """One trial as a worker hands it to its template.

    Attributes:
        number: Number of the trial.
        overrides: Overrides of the trial's config.
        checkpoint: Checkpoint of the trial that it continues.
        environment: Variables of its slot.
        threads: Threads that it may use.
    """

    number: int
    overrides: list[str]
    checkpoint: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    threads: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the job as plain data."""
        return asdict(self)


@dataclass
class WorkerResult:
    """What a worker returns through the launcher.

    Attributes:
        reason: Why it ended, for people.
        signal: The signal that ended it, if it was one.
        is_mistake: Whether it could not begin: the reason is then a message for the user.
    """

    reason: str
    signal: int | None = None
    is_mistake: bool = False
