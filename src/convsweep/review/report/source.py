"""Sources of a report: the sweep, run or runs in a folder or storage."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import optuna
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection

from convsweep.errors import UserError, did_you_mean
from convsweep.review.study import Sweep
from convsweep.run_folder import CONFIG, METRICS, RESULT
from hydra_study import (
    StudyError,
    SweepPaths,
    attributes,
    open_storage,
    place_of_study,
    read_config,
)

# Depth to which a folder is searched for runs.
DEPTH = 4


def is_sweep(folder: Path) -> bool:
    """Return whether a folder belongs to a sweep, not to a multirun of Hydra's own sweeper."""
    paths = SweepPaths(folder)
    if paths.journal.is_file() or not paths.config.is_file():
        return paths.journal.is_file()
    sweeper = OmegaConf.select(OmegaConf.load(paths.config), "hydra.sweeper")
    return sweeper is None or "study_name" in sweeper


def is_run(folder: Path) -> bool:
    """Return whether a folder belongs to a run."""
    return (folder / RESULT).is_file() or (
        (folder / CONFIG).is_file() and (folder / METRICS).is_file()
    )


def runs_below(folder: Path) -> list[Path]:
    """Return the folders of runs below a folder, in order."""
    return sorted(_runs(folder, DEPTH))


def _runs(folder: Path, depth: int) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir() and not path.name.startswith("."):
            if is_run(path):
                yield path
            elif depth > 1:
                yield from _runs(path, depth - 1)


def load_sweep(source: str, study_name: str | None) -> Sweep:
    """Read a sweep's study, without writing to it.

    Args:
        source: folder of a sweep, a journal file, or a database URL.
        study_name: needed if the storage holds several.

    Raises:
        UserError: there is no study, there are several, or it cannot be read.
    """
    return find_study(source, study_name).read()


@dataclass(frozen=True)
class FoundStudy:
    """A study in an open storage, for repeated reading; of a journal only new entries are read.

    Attributes:
        source: of the study, in messages.
        name: of the study; None takes the only one of the storage.
        folder: of the sweep; None takes it from the study.
    """

    storage: BaseStorage
    source: str
    name: str | None
    folder: Path | None

    def read(self) -> Sweep:
        """Return the present state of the study.

        Raises:
            UserError: there is no such study, or several and no name is given.
        """
        names = sorted(study.study_name for study in self.storage.get_all_studies())
        if not names:
            raise UserError(f"a storage must hold a study, but {self.source} holds none yet")
        if self.name is None and len(names) > 1:
            raise UserError(
                f"{self.source} holds {len(names)} studies; name one by --study NAME:"
                f" {', '.join(names)}"
            )
        name = self.name or names[0]
        if name not in names:
            raise UserError(f"{self.source} holds no study {name!r}; {did_you_mean(name, names)}")
        study = optuna.load_study(study_name=name, storage=self.storage)
        info = dict(study.user_attrs)
        folder = self.folder
        if (
            folder is None
            and attributes.STUDY_FOLDER in info
            and Path(info[attributes.STUDY_FOLDER]).is_dir()
        ):
            folder = Path(info[attributes.STUDY_FOLDER])
        maximise = tuple(direction == StudyDirection.MAXIMIZE for direction in study.directions)
        config = OmegaConf.create() if folder is None else read_config(folder)
        return Sweep(name, maximise, study.get_trials(deepcopy=False), info, folder, config)


def find_study(source: str, study_name: str | None) -> FoundStudy:
    """Open the storage of a study for reading; see `load_sweep`."""
    if "://" in source:
        return FoundStudy(database(source), source, study_name, None)
    path = Path(source).absolute()
    if not path.exists():
        raise UserError(
            f"a study is in a sweep's folder, a journal or a storage, by URL, but {source} is not"
            " there"
        )
    if path.is_file():
        return FoundStudy(journal(path), source, study_name, path.parent)
    config = read_config(path)
    place, name = study_in(config, path)
    if place == SweepPaths(path).journal and not place.is_file():
        raise UserError(
            f"a sweep's folder must hold its study, but {path} has no study.journal; it was not"
            " begun, or was moved"
        )
    storage = journal(place) if isinstance(place, Path) else database(place)
    return FoundStudy(storage, str(place), study_name or name, path)


def study_in(config: DictConfig, folder: Path) -> tuple[str | Path, str | None]:
    """Return storage and name of a sweep's study; the name is None for a journal with a single
    study.

    Raises:
        UserError: the config refers to something missing, such as an environment variable.
    """
    try:
        place = place_of_study(folder, config)
        return place, (
            None
            if place == SweepPaths(folder).journal
            else OmegaConf.select(config, "hydra.sweeper.study_name")
        )
    except OmegaConfBaseException as error:
        raise UserError(
            f"where the study of {folder} is cannot be determined from its"
            f" {SweepPaths(folder).config.name}: {error}"
        ) from error


def journal(path: Path) -> BaseStorage:
    """Open a journal without writing, so that a running sweep is not disturbed and read-only
    folders work.

    Raises:
        UserError: the file is not a journal.
    """
    if not path.is_file():
        raise UserError(f"a study's journal must be a file, but {path} is not there")
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a study's journal ({type(error).__name__}); name a sweep's"
            " study.journal, or a folder"
        ) from error


def database(url: str) -> BaseStorage:
    """Open a database.

    Raises:
        UserError: it is missing, its driver is not installed, or the URL is wrong.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise UserError(
            f"a study's database must be there, but {url.removeprefix('sqlite:///')} is not a file"
        )
    try:
        return open_storage(url, SweepPaths(Path(tempfile.gettempdir())), num_workers=1)
    except StudyError as error:
        raise UserError(str(error)) from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        rule = (
            "a storage URL must be one that Optuna can open, such as"
            " postgresql://user@host/database"
        )
        raise UserError(f"{rule}, but {url} cannot be opened: {reason}") from error
