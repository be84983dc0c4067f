"""The display of one worker: keeps `sweep.csv`, `best.yaml` and the live view up to date.

The last worker to end writes the files once more, and so does the process of the command line.
"""

from contextlib import ExitStack, suppress

from hydra_study.display.live_view import View
from hydra_study.display.tables import Recorder
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.patience import GaveUpWaitingError
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec


class Watcher:
    """A context manager that a worker calls after every trial and about five times a second.

    Args:
        spec: The sweep.
        study: The worker's connection to the study.
        shows: Whether to show the live view, for a worker in the process of the command line.
    """

    def __init__(self, spec: SweepSpec, study: OpenStudy, shows: bool) -> None:
        self._recorder = Recorder(spec, study)
        self._watch = LivenessMonitor(spec.paths.workers, spec.options.stale_after)
        self._view = View(spec, study) if shows else None
        self._stack = ExitStack()

    def __enter__(self) -> "Watcher":
        if self._view is not None:
            self._stack.enter_context(self._view)
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(GaveUpWaitingError), self._stack:
            self._recorder.write(force=len(self._watch.living_workers()) <= 1)

    def __call__(self) -> None:
        """Update the files and the view if it is time."""
        self._recorder.write()
        if self._view is not None:
            self._view.show()
