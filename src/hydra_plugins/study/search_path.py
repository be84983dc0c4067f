"""Search path entries for `hydra/sweeper=study` and for the folder `sweeps` beside the configs."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

GROUP = "sweeps"


class StudySearchPath(SearchPathPlugin):
    """Add the folder of `hydra/sweeper/study.yaml` and the application's folder `sweeps`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folders last, so that an application's own `study.yaml` wins."""
        main = [source.path for source in search_path.get_path() if source.provider == "main"]
        for path in (path.removeprefix("file://") for path in main if path is not None):
            spaces = Path(path).parent / GROUP
            if "://" not in path and spaces.is_dir():
                scheme = SpacesSource.scheme()
                search_path.append(provider="study-spaces", path=f"{scheme}://{spaces}")
        search_path.append(provider="study", path=f"file://{Path(__file__).parent / 'conf'}")


class SpacesSource(ConfigSource):
    """The config group `sweeps`: a folder of search spaces, merged at the top of the config."""

    @staticmethod
    def scheme() -> str:
        """Return the scheme of such paths, in front of `://`."""
        return "study-spaces"

    def available(self) -> bool:
        """Return whether the folder exists."""
        return Path(self.path).is_dir()

    def load_config(self, config_path: str) -> ConfigResult:
        """Return a space with the package `_global_`.

        Raises:
            ConfigLoadError: There is no space of this name.
        """
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {self._file(config_path)}")
        config = OmegaConf.load(self._file(config_path))
        return ConfigResult(self.provider, self.full_path(), config, header={"package": "_global_"})

    def is_group(self, config_path: str) -> bool:
        """Return whether a path is the group or a folder in it."""
        return config_path == "" or (
            self._is_within(config_path) and self._place(config_path).is_dir()
        )

    def is_config(self, config_path: str) -> bool:
        """Return whether a path is a space."""
        return self._is_within(config_path) and self._file(config_path).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return the names of the groups and spaces below a path."""
        if config_path == "":
            return [GROUP] if results_filter != ObjectType.CONFIG else []
        found = self._place(config_path).iterdir()
        return sorted(
            path.stem if path.is_file() else path.name
            for path in found
            if (path.is_dir() and results_filter != ObjectType.CONFIG)
            or (path.suffix == ".yaml" and results_filter != ObjectType.GROUP)
        )

    def _is_within(self, config_path: str) -> bool:
        return config_path == GROUP or config_path.startswith(f"{GROUP}/")

    def _place(self, config_path: str) -> Path:
        return Path(self.path) / config_path.removeprefix(GROUP).lstrip("/")

    def _file(self, config_path: str) -> Path:
        place = self._place(config_path)
        return place if place.suffix == ".yaml" else place.with_name(f"{place.name}.yaml")
