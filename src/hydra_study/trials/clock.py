"""The duration of a study, over all its starts."""

import contextlib
import time
from pathlib import Path

from hydra_study.sweep_spec import SweepSpec


class StudyClock:
    """Total duration of a study over all its starts, each of which stores its own in a file.

    Args:
        spec: The sweep.
        keeps: Whether this worker writes the file of this start.
    """

    def __init__(self, spec: SweepSpec, keeps: bool) -> None:
        self._file = spec.paths.sessions / spec.session
        self._keeps = keeps
        self._began = time.monotonic()
        self._before = sum(
            _seconds(path) for path in spec.paths.sessions.iterdir() if path != self._file
        )

    def seconds(self) -> float:
        """Return the total duration in seconds."""
        own = time.monotonic() - self._began
        return self._before + own

    def keep(self) -> None:
        """Write the duration of this start, if this worker is the one that does."""
        if self._keeps:
            with contextlib.suppress(OSError):  # a full disk; it is written again soon
                self._file.write_text(f"{time.monotonic() - self._began:.3f}")


def _seconds(path: Path) -> float:
    try:
        return float(path.read_text())
    except (OSError, ValueError):
        return 0.0
