"""Live view of a running sweep: a table in a terminal, plain lines elsewhere."""

import logging
import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.display.status_text import line, pace_text, table
from hydra_study.errors import StudyError
from hydra_study.interrupts import Interrupts, closing_text
from hydra_study.storage.heartbeat import LivenessMonitor
from hydra_study.storage.patience import GaveUpWaitingError
from hydra_study.storage.storage import OpenStudy, open_storage, open_study
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.budget import tally
from hydra_study.trials.session import Session

log = logging.getLogger("study")

_EVERY = 1.0


class View:
    """A context manager that prints the progress of a sweep.

    Args:
        spec: The sweep; `view` is auto, table, lines or none.
        study: A connection to the study.
    """

    def __init__(self, spec: SweepSpec, study: OpenStudy) -> None:
        self._spec = spec
        self._study = study
        self._watch = LivenessMonitor(spec.paths.workers, spec.options.stale_after)
        self._said = {_end(trial) for trial in study.get_trials(deepcopy=False)}
        self._say_at = 1 + tally(study.get_trials(deepcopy=False), spec.objectives).charged
        self._next = -math.inf
        self._live: Any = None

    def __enter__(self) -> "View":
        mode = self._spec.options.view
        if mode == "table" or (mode == "auto" and sys.stdout.isatty()):
            from rich.live import Live

            self._live = Live(auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        try:
            with suppress(GaveUpWaitingError):
                self.show(force=True)
        finally:
            if self._live is not None:
                self._live.stop()

    def show(self, force: bool = False) -> None:
        """Update the view, at most once a second unless `force`."""
        if self._spec.options.view == "none" or (time.monotonic() < self._next and not force):
            return
        trials = self._study.get_trials(deepcopy=False)
        if self._live is not None:
            self._live.update(table(trials, self._watch.living_workers(), self._spec), refresh=True)
        else:
            for trial in trials:
                if _end(trial)[1] is not None and _end(trial) not in self._said:
                    self._said.add(_end(trial))
                    print(line(trial, self._spec), flush=True)
            self._say_left(trials)
        self._next = time.monotonic() + _EVERY

    def _say_left(self, trials: list[FrozenTrial]) -> None:
        """Print the time a trial and the time left, after 1, 2, 4, 8, ... trials of this start."""
        count, workers = tally(trials, self._spec.objectives), self._watch.living_workers().values()
        if count.charged < self._say_at:
            return
        self._say_at = 2 * count.charged
        text = pace_text(count, trials, self._spec, list(workers))
        if text:
            print(text, flush=True)


def _end(trial: FrozenTrial) -> tuple[int, str | None]:
    """Return a trial's number and how it ended or paused; None while it runs."""
    if kind_of(trial) == "paused":
        return trial.number, f"paused at {trial.user_attrs[attributes.PAUSED_AT]}"
    return trial.number, "ended" if trial.state.is_finished() else None


def check_view(mode: str) -> None:
    """Check `hydra.sweeper.view`.

    Raises:
        StudyError: The mode is unknown.
    """
    if mode not in ("auto", "table", "lines", "none"):
        raise StudyError(f"hydra.sweeper.view must be auto, table, lines or none, but got {mode!r}")


@contextmanager
def view_from_head(spec: SweepSpec, interrupts: Interrupts) -> Iterator[None]:
    """Show the sweep, and pass interrupts on to its workers, while the launcher blocks this thread.

    Used where the workers run in other processes.
    """
    done = threading.Event()

    def stop_waiting(waited_s: float) -> None:
        if done.is_set():
            raise GaveUpWaitingError("the workers have ended")

    def watch() -> None:
        with suppress(GaveUpWaitingError):  # the workers report the reason
            follow()

    def follow() -> None:
        options = spec.options
        storage = open_storage(
            options.storage,
            spec.paths,
            num_workers=1,
            is_made=True,
            timeout_s=options.storage_timeout,
        )
        storage.patience.meanwhile = stop_waiting
        study = open_study(storage, options.study_name)
        session = Session(study, spec)
        with View(spec, study) as view:
            while not done.wait(_EVERY):
                view.show()
                if interrupts.count and session.stop_reason() is None:
                    log.info(closing_text(spec.options.grace))
                    session.stop("interrupted")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(timeout=10)
