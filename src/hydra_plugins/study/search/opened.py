"""A sweep's folder, opened to be read: its study, its options and the command that it was started by."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.utils import setup_globals
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage

from hydra_plugins.study.config import StudyConf

from .errors import StudyError
from .heartbeat import Watch
from .layout import Layout
from .objectives import Objectives, parse_objectives
from .storage import OpenStudy, open_storage, open_study


@dataclass(frozen=True)
class OpenedSweep:
    """A sweep as its folder tells of it, running or not.

    Attributes:
        folder: Absolute folder of the sweep.
        config: The composed config of its last start, `hydra` included; nothing of it is resolved.
        options: The resolved keys of `hydra.sweeper`.
        objectives: What is optimised.
        storage: Where the study lives.
        study: The study.
    """

    folder: Path
    config: DictConfig
    options: StudyConf
    objectives: Objectives
    storage: BaseStorage
    study: OpenStudy

    @property
    def is_running(self) -> bool:
        """Whether a worker is at work on it."""
        layout = Layout(self.folder)
        return layout.workers.is_dir() and bool(Watch(layout.workers, self.options.stale_after).living())

    @property
    def task_overrides(self) -> list[str]:
        """The overrides of the command line that are not Hydra's own, searched ones included."""
        return [str(text) for text in self.config.hydra.overrides.task]

    @property
    def hydra_overrides(self) -> list[str]:
        """The overrides of the command line that are Hydra's own."""
        return [str(text) for text in self.config.hydra.overrides.hydra]

    def main_config_folder(self) -> Path:
        """Return the folder of the application's primary config."""
        sources = {source.provider: source.path for source in self.config.hydra.runtime.config_sources}
        return Path(str(sources["main"]))


def open_sweep(folder: str | Path) -> OpenedSweep:
    """Open the sweep in `folder`.

    Raises:
        StudyError: The folder holds no sweep, or one that has not begun.
    """
    folder = Path(folder).absolute()
    file = folder / "multirun.yaml"
    if not file.is_file():
        raise StudyError(f"a sweep's folder holds multirun.yaml and its trials, but {folder} does not; name multirun/<study>")
    setup_globals()  # the resolvers that the config may use
    config = OmegaConf.load(file)
    assert isinstance(config, DictConfig)
    options = StudyConf(**_resolved(config))
    objectives = parse_objectives(options.direction, options.prune_on)
    storage = _open_storage(options, folder, Path(str(config.hydra.runtime.cwd)))
    names = [study.study_name for study in storage.get_all_studies()]
    if options.study_name not in names:
        raise StudyError(f"the study {options.study_name!r} of {folder} has not begun; start it by the sweep's command")
    study = open_study(storage, options.study_name)
    study.reported_direction = objectives.reported_direction
    return OpenedSweep(folder, config, options, objectives, storage, study)


def _resolved(config: DictConfig) -> dict[str, Any]:
    given = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    assert isinstance(given, dict)
    return {str(key): value for key, value in given.items()}


def _open_storage(options: StudyConf, folder: Path, cwd: Path) -> BaseStorage:
    """Open the storage; a journal's path is relative to where the sweep was started."""
    url = options.storage
    if url is None or "://" not in url:
        journal = Layout(folder).journal if url is None else cwd / url
        if not journal.is_file():
            raise StudyError(f"the study of {folder} should be in {journal}, which is not there")
        url = None if url is None else str(journal)
    return open_storage(url, Layout(folder), num_workers=1)
