"""Read the folder of a sweep: its study, its options and its command."""

from dataclasses import dataclass
from pathlib import Path

from hydra.core.utils import setup_globals
from omegaconf import DictConfig, OmegaConf
from optuna.storages import BaseStorage

from hydra_study.config import StudyConf
from hydra_study.errors import StudyError
from hydra_study.objectives import Objectives, parse_objectives
from hydra_study.paths import SweepPaths
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.journal import read_journal
from hydra_study.storage.storage import OpenStudy, open_storage, open_study


@dataclass(frozen=True)
class SweepFolder:
    """A sweep, running or not, read from its folder.

    Attributes:
        folder: Absolute folder of the sweep.
        config: The config of its last start, unresolved.
        options: The resolved keys of `hydra.sweeper`.
        objectives: Names and directions of the values.
        storage: The storage of the study.
        study: The study.
    """

    folder: Path
    config: DictConfig
    options: StudyConf
    objectives: Objectives
    storage: BaseStorage
    study: OpenStudy

    @property
    def is_in_database(self) -> bool:
        """Whether its study is stored in a database and not in a journal file."""
        return isinstance(place_of_study(self.folder, self.config), str)

    @property
    def is_running(self) -> bool:
        """Whether a worker is running."""
        paths = SweepPaths(self.folder)
        return paths.workers.is_dir() and bool(
            LivenessMonitor(paths.workers, self.options.stale_after).living_workers()
        )

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
        sources = {
            source.provider: source.path for source in self.config.hydra.runtime.config_sources
        }
        return Path(str(sources["main"]))


def open_sweep_folder(folder: str | Path) -> SweepFolder:
    """Open the sweep in `folder`.

    Raises:
        StudyError: The folder holds no sweep, or its study does not exist yet.
    """
    folder = Path(folder).absolute()
    if not SweepPaths(folder).config.is_file():
        raise StudyError(
            f"a sweep's folder holds multirun.yaml and its trials, but {folder} does not; name"
            " multirun/<study>"
        )
    config = read_config(folder)
    options = sweeper_options(config)
    objectives = parse_objectives(options.direction, options.prune_on)
    place = place_of_study(folder, config)
    if isinstance(place, Path) and not place.is_file():
        raise StudyError(f"the study of {folder} should be in {place}, which is not there")
    storage = (
        read_journal(place)
        if isinstance(place, Path)
        else open_storage(place, SweepPaths(folder), num_workers=1)
    )
    names = [study.study_name for study in storage.get_all_studies()]
    if options.study_name not in names:
        raise StudyError(
            f"the study {options.study_name!r} of {folder} does not exist yet; start the sweep by"
            " its command"
        )
    study = open_study(storage, options.study_name)
    study.reported_direction = objectives.reported_direction
    return SweepFolder(folder, config, options, objectives, storage, study)


def sweeper_options(config: DictConfig) -> StudyConf:
    """Return the keys of `hydra.sweeper`, resolved."""
    given = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
    assert isinstance(given, dict)
    return StudyConf(**{str(key): value for key, value in given.items()})


def read_config(folder: Path) -> DictConfig:
    """Return the unresolved config of the last start of the sweep in a folder; empty if there is
    none.
    """
    setup_globals()  # registers Hydra's resolvers
    path = SweepPaths(folder).config
    config = OmegaConf.load(path) if path.is_file() else OmegaConf.create()
    assert isinstance(config, DictConfig)
    return config


def place_of_study(folder: Path, config: DictConfig) -> str | Path:
    """Return the place of a sweep's study: the URL of a database, or the path of a journal file."""
    storage = OmegaConf.select(config, "hydra.sweeper.storage")
    if storage is None:
        return SweepPaths(folder).journal
    return str(storage) if "://" in storage else Path(config.hydra.runtime.cwd, storage)
