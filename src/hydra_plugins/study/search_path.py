"""Makes the plugin's own `hydra/sweeper=study` known to Hydra."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class StudySearchPath(SearchPathPlugin):
    """Adds the folder of `hydra/sweeper/study.yaml`."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the folder last, so that an application can put its own `hydra/sweeper/study.yaml`
        before it.
        """
        search_path.append(provider="study", path=f"file://{Path(__file__).parent / 'conf'}")
