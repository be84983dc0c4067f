"""Stand-ins for W&B runs: started on first use, or ignoring all calls."""

from collections.abc import Callable
from typing import Any


class LateRun:
    """A run that is started on first use: Lightning accesses `experiment` before the first training
    step, which should not wait for W&B.

    Args:
        start: starts and returns the run, or returns None; then all calls are ignored.
    """

    def __init__(self, start: Callable[[], Any]) -> None:
        self._start = start

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        run = self._start()
        return getattr(NoRun() if run is None else run, name)


class NoRun:
    """Ignores attribute access and calls at any depth: `run.summary.update(...)`."""

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
