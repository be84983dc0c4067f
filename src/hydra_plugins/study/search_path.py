"""Makes the folder `sweeps/` beside `conf/` a config group, and nothing else that lies there."""

from pathlib import Path

from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.search_path_plugin import SearchPathPlugin

GROUP = "sweeps"


class SweepsSource(FileConfigSource):
    """Configs of the group `sweeps` in a folder of which the rest is hidden, since Hydra's help walks all of a source."""

    @staticmethod
    def scheme() -> str:
        """Return what a path in the search path begins with."""
        return GROUP

    def is_group(self, config_path: str) -> bool:
        """Return whether the path is the root, `sweeps`, or a folder in it."""
        return config_path == "" or (_inside(config_path) and super().is_group(config_path))

    def is_config(self, config_path: str) -> bool:
        """Return whether the path is a file in `sweeps`."""
        return _inside(config_path) and super().is_config(config_path)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """Return `sweeps` at the root and what is there below it."""
        if config_path == "":
            return [] if results_filter == ObjectType.CONFIG else [GROUP]
        return super().list(config_path, results_filter)


class StudySearchPath(SearchPathPlugin):
    """Finds `sweeps/` beside the primary `conf/`, in a checkout and in an installed package alike."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folder that holds `conf/` and `sweeps/`, and that of the plugin's own `hydra/sweeper=study`.

        The plugin's own comes last, so that an application can put another `hydra/sweeper/study.yaml` before it.
        """
        for element in list(search_path.get_path()):
            folder = Path((element.path or "").removeprefix("file://")).absolute()
            if folder.name == "conf" and (folder.parent / GROUP).is_dir():
                search_path.append(provider="study", path=f"{GROUP}://{folder.parent}")
        search_path.append(provider="study", path=f"file://{Path(__file__).parent / 'conf'}")


def _inside(config_path: str) -> bool:
    return config_path.split("/")[0] == GROUP
