"""Open studies and their storage: a journal file, or a database."""

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hydra_study.errors import StudyError, how_to_install
from hydra_study.objectives import Objectives
from hydra_study.paths import SweepPaths
from hydra_study.storage.journal import open_journal
from hydra_study.storage.patience import Patience
from hydra_study.storage.patient_storage import PatientStorage

optuna.logging.set_verbosity(optuna.logging.WARNING)

_FULL = ("too many clients", "remaining connection slots", "too many connections")
_FULL_RULE = (
    "the database of hydra.sweeper.storage must have a connection for each worker and some for each"
    " command"
)
_FULL_REMEDY = (
    "raise its max_connections, or let fewer hydra.sweeper.workers have more hydra.sweeper.slots"
    " each"
)
# Longest wait for a database at a start: enough for one that restarts, not long for a wrong URL.
_OPEN_WITHIN_S = 60.0


class OpenStudy(optuna.Study):
    """A study for ask and tell.

    It differs from `optuna.Study` in two ways: `stop`, which samplers call, does not raise outside
    of `optimize`; and with several objectives `direction` is that of the reported one, by which TPE
    sorts pruned trials, instead of an error.

    Attributes:
        storage: The storage of the study.
        patience: Waits for the storage.
        reported_direction: `minimize` or `maximize`, the direction of the reported objective, if
            there are several.
    """

    reported_direction: str | None = None

    def __init__(
        self, study_name: str, storage: BaseStorage, sampler: Any = None, pruner: Any = None
    ) -> None:
        super().__init__(study_name=study_name, storage=storage, sampler=sampler, pruner=pruner)
        self.storage = storage
        self.patience = storage.patience if isinstance(storage, PatientStorage) else Patience()
        self._id = storage.get_study_id_from_name(study_name)
        self._trial_ids: dict[int, int] = {}

    def trial_id(self, number: int) -> int:
        """Return the storage's id of a trial."""
        if number not in self._trial_ids:
            self._trial_ids[number] = self.storage.get_trial_id_from_study_id_trial_number(
                self._id, number
            )
        return self._trial_ids[number]

    def trial(self, number: int) -> FrozenTrial:
        """Return the present state of a trial."""
        return self.storage.get_trial(self.trial_id(number))

    @property
    def direction(self) -> StudyDirection:
        """The direction; with several objectives, the direction of the reported one."""
        if len(self.directions) > 1 and self.reported_direction is not None:
            return StudyDirection[self.reported_direction.upper()]
        return super().direction

    def stop(self) -> None:
        """Do nothing: the budget decides when to stop."""


def open_storage(
    url: str | None,
    paths: SweepPaths,
    num_workers: int,
    *,
    is_made: bool = False,
    timeout_s: float = 0.0,
) -> PatientStorage:
    """Open the storage that `hydra.sweeper.storage` names.

    Args:
        url: The option: null, a path or a URL.
        paths: Paths of the sweep's files.
        num_workers: How many workers write to it.
        is_made: Whether this start of the sweep has opened it before, so that its tables exist and
            have the right version.
        timeout_s: How long calls are retried when it does not answer.

    Raises:
        StudyError: Several workers share an SQLite file, a database driver is missing, or the
            database accepts no more connections.
    """
    patience = Patience(timeout_s)
    opening = patience if is_made else _patience_of_a_start(timeout_s)
    if url is None:
        return PatientStorage(open_journal(paths.journal, patience), patience)
    if "://" not in url:
        return PatientStorage(open_journal(Path(url).absolute(), patience), patience)
    scheme = url.partition("://")[0]
    if scheme.startswith("sqlite") and num_workers > 1:
        rule = "several workers must not share an SQLite file, which doubles and loses trials"
        raise StudyError(
            f"{rule}, but got workers={num_workers} on {url}; leave hydra.sweeper.storage=null (a"
            " journal file)"
        )
    if scheme in ("postgresql", "postgres"):
        url = f"postgresql+{_postgresql_driver()}://{url.partition('://')[2]}"
    database = opening.call(lambda: _open_database(url, is_made))
    return PatientStorage(get_storage(database), patience, close=database.engine.dispose)


def _patience_of_a_start(timeout_s: float) -> Patience:
    if timeout_s <= _OPEN_WITHIN_S:
        return Patience(timeout_s)
    option = f"hydra.sweeper.storage_timeout={timeout_s:g}"
    return Patience(_OPEN_WITHIN_S, f"{option}, but at most {_OPEN_WITHIN_S:g} s at a start")


def _open_database(url: str, is_made: bool) -> RDBStorage:
    """Open a database with a single connection, since databases limit their number.

    Raises:
        StudyError: The database accepts no more connections.
    """
    try:
        return RDBStorage(url, {"pool_size": 1}, is_made, skip_table_creation=is_made)
    except Exception as error:
        found = [text for text in _FULL if text in f"{error} {error.__cause__}"]
        if found:
            raise StudyError(f"{_FULL_RULE}, but got {found[0]!r}; {_FULL_REMEDY}") from None
        raise


def _postgresql_driver() -> str:
    for driver in ("psycopg", "psycopg2"):
        if importlib.util.find_spec(driver) is not None:
            return driver
    raise StudyError(
        f"a PostgreSQL storage needs the package psycopg; {how_to_install('postgresql')}"
    )


def create_study(storage: BaseStorage, name: str, objectives: Objectives) -> OpenStudy:
    """Open the study, or create it.

    Raises:
        StudyError: The stored study has other directions.
    """
    directions = [StudyDirection[direction.upper()] for direction in objectives.directions]
    study = optuna.create_study(
        storage=storage, study_name=name, directions=directions, load_if_exists=True
    )
    stored = tuple(direction.name.lower() for direction in study.directions)
    if stored != objectives.directions:
        rule = f"study {name!r} was begun with directions {stored}"
        raise StudyError(
            f"{rule}, but got {objectives.directions}; choose another hydra.sweeper.study_name"
        )
    if objectives.several and study.metric_names is None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(objectives.names))  # for optuna-dashboard and notebooks
    return open_study(storage, name)


def open_study(
    storage: BaseStorage, name: str, sampler: Any = None, pruner: Any = None
) -> OpenStudy:
    """Open an existing study with a sampler and a pruner."""
    return OpenStudy(study_name=name, storage=storage, sampler=sampler, pruner=pruner)


def set_constraint(study: OpenStudy, number: int, name: str, violation: float) -> None:
    """Store a violated constraint of a trial for the samplers; any process may do so.

    Args:
        study: The study.
        number: Number of the trial.
        name: Name of the constraint.
        violation: Its value; above 0 the trial is infeasible.
    """
    optuna.Trial(study, study.trial_id(number)).set_constraint(name, violation)
