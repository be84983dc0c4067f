"""The sweeper plugin that Hydra discovers; it delegates to `hydra_study.sweep`."""

from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class StudySweeper(Sweeper):
    """The sweeper of `hydra/sweeper=study`.

    Args:
        options: The keys of `hydra.sweeper`, documented in `hydra_study.config.StudyConf`.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Store Hydra's context, the task function and the composed config."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        """Run the search and return the values of the best trial, or None."""
        from hydra_study.sweep import sweep

        assert self.hydra_context is not None
        assert self.config is not None
        return sweep(self.hydra_context, self.task_function, self.config, self.options, arguments)
