"""Stands for a W&B run that starts when something is asked of it."""

from collections.abc import Callable
from typing import Any


class Unstarted:
    """A run that is not there yet: Lightning looks at it before the first training step, which need not wait for W&B.

    Args:
        start: starts the run and returns it; called at every use, so it returns the one that it has started.
    """

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._start(), name)
