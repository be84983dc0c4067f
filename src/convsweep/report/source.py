"""What a folder or a URL on the command line holds: a sweep, a run, or runs below a folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection

from convsweep.errors import UserError, did_you_mean
from convsweep.record import CONFIG, RESULT
from convsweep.report.sweep import Sweep
from hydra_plugins.study.search import attributes
from hydra_plugins.study.search.errors import StudyError
from hydra_plugins.study.search.layout import Layout
from hydra_plugins.study.search.storage import open_storage

SWEEP_CONFIG = "multirun.yaml"
DEPTH = 4
"""How deep runs are looked for below a folder."""


def is_url(source: str) -> bool:
    """Whether a source is a database rather than a path."""
    return "://" in source


def is_sweep(folder: Path) -> bool:
    """Whether a folder is that of a sweep."""
    return Layout(folder).journal.is_file() or (folder / SWEEP_CONFIG).is_file()


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run."""
    return (folder / RESULT).is_file() or ((folder / CONFIG).is_file() and (folder / "metrics.csv").is_file())


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
        study_name: which one, needed where the storage holds several.

    Raises:
        UserError: there is no study, there are several, or it cannot be read.
    """
    if is_url(source):
        return read_study(database(source), source, study_name, None)
    path = Path(source).absolute()
    if not path.exists():
        raise UserError(f"a sweep must be a folder, a journal or a storage URL, but {source} is not there")
    if path.is_file():
        return read_study(journal(path), source, study_name, path.parent)
    if Layout(path).journal.is_file():
        return read_study(journal(Layout(path).journal), source, study_name, path)
    config = sweep_config(path)
    url = OmegaConf.select(config, "hydra.sweeper.storage")
    if url is None:
        raise UserError(f"a sweep's folder must hold its study, but {path} has no study.journal; it was not begun, or was moved")
    started_in = OmegaConf.select(config, "hydra.runtime.cwd") or "."
    storage = database(url) if is_url(url) else journal(Path(started_in, url).absolute())
    return read_study(storage, str(url), study_name or _name_of(config), path)


def journal(path: Path) -> BaseStorage:
    """Open a journal for reading: nothing is written, so that a sweep at work or a read-only folder is left alone.

    Raises:
        UserError: the file is not a journal.
    """
    if not path.is_file():
        raise UserError(f"a study's journal must be a file, but {path} is not there")
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except Exception as error:
        raise UserError(
            f"{path} cannot be read as a study's journal ({type(error).__name__}); name a sweep's study.journal, or a folder"
        ) from error


def database(url: str) -> BaseStorage:
    """Open a database.

    Raises:
        UserError: it is not there, its driver is not installed, or the URL is wrong.
    """
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise UserError(f"a study's database must be there, but {url.removeprefix('sqlite:///')} is not a file")
    try:
        return open_storage(url, Layout(Path(tempfile.gettempdir())), num_workers=1)
    except StudyError as error:
        raise UserError(str(error)) from error
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        rule = "a storage URL must be one that Optuna can open, such as postgresql://user@host/database"
        raise UserError(f"{rule}, but {url} cannot be opened: {reason}") from error


def read_study(storage: BaseStorage, source: str, study_name: str | None, folder: Path | None) -> Sweep:
    """Return a study of a storage as it stands.

    Raises:
        UserError: there is no such study, or several and none is named.
    """
    names = sorted(study.study_name for study in storage.get_all_studies())
    if not names:
        raise UserError(f"a storage must hold a study, but {source} holds none yet")
    if study_name is None and len(names) > 1:
        raise UserError(f"{source} holds {len(names)} studies; name one by --study NAME: {', '.join(names)}")
    name = study_name or names[0]
    if name not in names:
        raise UserError(f"{source} holds no study {name!r}; {did_you_mean(name, names)}")
    study = optuna.load_study(study_name=name, storage=storage)
    facts = dict(study.user_attrs)
    if folder is None and attributes.STUDY_FOLDER in facts and Path(facts[attributes.STUDY_FOLDER]).is_dir():
        folder = Path(facts[attributes.STUDY_FOLDER])
    maximise = tuple(direction == StudyDirection.MAXIMIZE for direction in study.directions)
    trials = study.get_trials(deepcopy=False)
    return Sweep(name, maximise, trials, facts, folder, OmegaConf.create() if folder is None else sweep_config(folder))


def sweep_config(folder: Path) -> DictConfig:
    """Return what a sweep was started with, empty if that is not there."""
    path = folder / SWEEP_CONFIG
    config: Any = OmegaConf.load(path) if path.is_file() else OmegaConf.create()
    assert isinstance(config, DictConfig)
    return config


def _name_of(config: DictConfig) -> str | None:
    """Return the name of the study, if it can be told outside of the sweep."""
    name = OmegaConf.to_container(config).get("hydra", {}).get("sweeper", {}).get("study_name")  # type: ignore[union-attr]
    return None if name is None or "${" in str(name) else str(name)
