"""The storage of a study: a journal file on one machine or a shared folder, a database for many machines."""

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from .errors import StudyError
from .journal import open_journal
from .layout import Layout
from .objectives import Objectives

optuna.logging.set_verbosity(optuna.logging.WARNING)


class OpenStudy(optuna.Study):
    """A study for ask and tell.

    Samplers that call `stop` when their grid is done do not raise here. With several objectives TPE sorts the pruned
    trials by `direction`, which Optuna refuses to tell; here it is that of the objective that is reported.
    """

    reported_direction: StudyDirection | None = None

    @property
    def direction(self) -> StudyDirection:
        """The direction, with several objectives that of the reported one."""
        if self._is_multi_objective() and self.reported_direction is not None:
            return self.reported_direction
        return super().direction

    def stop(self) -> None:
        """Do nothing: when to stop is counted by the budget."""


def open_storage(url: str | None, layout: Layout, num_workers: int, *, is_made: bool = False) -> BaseStorage:
    """Open the storage that `hydra.sweeper.storage` names.

    Args:
        url: The option.
        layout: Where the sweep keeps its files.
        num_workers: How many workers write to it.
        is_made: Whether this sweep has opened it before, so that its tables are there and of this version.

    Raises:
        StudyError: SQLite with several writers, or a database driver is missing.
    """
    if url is None:
        return open_journal(layout.journal)
    if "://" not in url:
        return open_journal(Path(url).absolute())
    scheme = url.partition("://")[0]
    if scheme.startswith("sqlite") and num_workers > 1:
        rule = "several workers must not share an SQLite file, which doubles and loses trials"
        raise StudyError(f"{rule}, but got workers={num_workers} on {url}; leave hydra.sweeper.storage=null (a journal file)")
    if scheme in ("postgresql", "postgres"):
        url = f"postgresql+{_postgresql_driver()}://{url.partition('://')[2]}"
    from .database import Database  # these bring SQLAlchemy, which a journal does without
    from .remembered import Remembered

    return Remembered(Database(url, is_made))


def _postgresql_driver() -> str:
    for driver in ("psycopg", "psycopg2"):
        if importlib.util.find_spec(driver) is not None:
            return driver
    raise StudyError("a PostgreSQL storage needs the package psycopg; run: uv sync --extra postgresql")


def create_study(storage: BaseStorage, name: str, objectives: Objectives) -> OpenStudy:
    """Open the study, or begin it.

    Raises:
        StudyError: The stored study has other directions.
    """
    directions = [StudyDirection[direction.upper()] for direction in objectives.directions]
    study = optuna.create_study(storage=storage, study_name=name, directions=directions, load_if_exists=True)
    stored = tuple(direction.name.lower() for direction in study.directions)
    if stored != objectives.directions:
        rule = f"study {name!r} was begun with directions {stored}"
        raise StudyError(f"{rule}, but got {objectives.directions}; choose another hydra.sweeper.study_name")
    if objectives.several and study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(objectives.names))  # for optuna-dashboard and notebooks
    return open_study(storage, name)


def open_study(storage: BaseStorage, name: str, sampler: Any = None, pruner: Any = None) -> OpenStudy:
    """Open an existing study with a sampler and a pruner of its own."""
    return OpenStudy(study_name=name, storage=storage, sampler=sampler, pruner=pruner)


def set_constraint(study: optuna.Study, trial_id: int, name: str, violation: float) -> None:
    """Tell the samplers that a trial breaks a rule; also for trials that this process did not ask for."""
    optuna.Trial(study, trial_id).set_constraint(name, violation)
