"""The plugin class that Hydra finds: it keeps what it is given and hands over to `search.sweep`
when it is run.
"""

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class StudySweeper(Sweeper):
    """Hydra's entry to the search; `options` are the keys of `hydra.sweeper` (see `StudyConf` for
    their meaning).
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Keep what Hydra gives: the context, the task function and the composed config of the
        command line.
        """
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the search and return its result: the best value(s), or the Pareto front of several
        objectives.
        """
        from hydra_study.sweep import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        return sweep(self.hydra_context, self.task_function, self.config, self.options, arguments)
