"""Adds the folder that holds `conf/` to Hydra's search path, so that the group `sweeps` beside it is found."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class StudySearchPath(SearchPathPlugin):
    """Finds `sweeps/` beside the primary `conf/`, in a checkout and in an installed package alike."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the parent of every `conf` folder in the path that has a folder `sweeps` beside it."""
        for element in list(search_path.get_path()):
            parent = _parent_of_conf(element.path)
            if parent is not None:
                search_path.append(provider="study", path=parent)


def _parent_of_conf(path: str | None) -> str | None:
    if path is None:
        return None
    scheme, separator, place = path.rpartition("://")
    if scheme == "pkg":
        package, _, name = place.rpartition(".")
        return f"pkg://{package}" if package and name == "conf" else None
    folder = Path(place).absolute()
    if folder.name == "conf" and (folder.parent / "sweeps").is_dir():
        return f"file://{folder.parent}" if separator else str(folder.parent)
    return None
