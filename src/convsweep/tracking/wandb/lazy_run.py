"""Stands for a W&B run that starts when something is asked of it."""

from collections.abc import Callable
from typing import Any


class LateRun:
    """A run that is not there yet: Lightning looks at it before the first training step, which need
    not wait for W&B.

    Args:
        start: starts the run and returns it, or returns None where there is none: then whatever is
            asked of it is ignored.
    """

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        run = self._start()
        return getattr(NoRun() if run is None else run, name)


class NoRun:
    """Ignores what is asked of it, at any depth: `run.summary.update(...)`."""

    def __getattr__(self, name: str) -> "NoRun":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> "NoRun":
        return self

    def __getitem__(self, key: Any) -> "NoRun":
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set nothing."""
