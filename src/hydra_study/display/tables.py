"""The files `sweep.csv`, with all trials, and `best.yaml`, to run the best one again."""

import csv
import errno
import io
import logging
import math
import time
from typing import Any

from optuna.trial import FrozenTrial

from hydra_study import attributes
from hydra_study.attributes import kind_of
from hydra_study.display.preset import preset
from hydra_study.storage.leftovers import remove_unfinished
from hydra_study.storage.locks import locked, write_atomically
from hydra_study.storage.patience import GaveUpWaitingError
from hydra_study.storage.storage import OpenStudy
from hydra_study.sweep_spec import SweepSpec
from hydra_study.trials.budget import tally
from hydra_study.trials.finalists import FinalsDecision, decide_finals

log = logging.getLogger(__name__)

# A full disk or quota, a network file system that is away.
_MAY_PASS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE}

_HIDDEN = {
    attributes.KIND,
    attributes.TRACEBACK,
    attributes.OVERRIDES,
    attributes.REASON,
    attributes.PARTS,
    attributes.REMARKS,
}


class Recorder:
    """Writes both files, in at most a twentieth of the time, and only if no other worker does.

    Args:
        spec: The sweep.
        study: A connection to the study.
    """

    def __init__(self, spec: SweepSpec, study: OpenStudy) -> None:
        self._spec = spec
        self._study = study
        self._next = -math.inf
        self._pause = 0.5
        self._has_failed = False
        self._file = spec.folder / "sweep.csv"
        self._stamp: int | None = None
        self._best: tuple[int, list[str]] | None = None

    def write(self, force: bool = False) -> None:
        """Write the files if it is time and no other worker has, or if `force`, as at the end.

        A full disk is only logged; at the end it is waited for (`hydra.sweeper.storage_timeout`),
        since no later write would bring the files up to date.
        """
        try:
            try:
                self._write(force)
            except OSError as error:
                if not force or error.errno not in _MAY_PASS:
                    raise
                self._study.patience.call(lambda: self._write(True))
        except (OSError, GaveUpWaitingError) as error:
            if not self._has_failed:
                log.warning(
                    "sweep.csv and best.yaml could not be written, the sweep continues: %s", error
                )
            self._has_failed = True
            self._next = time.monotonic() + self._pause
        else:
            self._has_failed = False

    def _write(self, force: bool) -> None:
        began = time.monotonic()
        if began < self._next and not force:
            return
        stamp, self._stamp = self._stamp, self._modification_time()
        if self._stamp != stamp and not force:
            self._next = began + self._pause
            return
        with locked(self._spec.paths.record_lock, self._study.patience):
            # read under the lock, or an older table could replace a newer one
            trials = self._study.get_trials(deepcopy=False)
            if force:
                for path in (self._file, self._spec.paths.preset):
                    remove_unfinished(path)
            decision = decide_finals(trials, maximize=self._spec.objectives.maximizes)
            rows = table(trials, self._spec, decision)
            write_atomically(self._file, rows, lasting=force)
            self._stamp = self._modification_time()
            best = tally(trials, self._spec.objectives).best
            if decision is not None:
                best = decision.winner.trial
            said = [] if decision is None else decision.lines()
            if (
                best is not None
                and attributes.OVERRIDES in best.user_attrs
                and (best.number, said) != self._best
            ):
                write_atomically(self._spec.paths.preset, preset(best, self._spec, said))
                self._best = (best.number, said)
        self._pause = max(0.5, 20 * (time.monotonic() - began))
        self._next = time.monotonic() + self._pause

    def _modification_time(self) -> int | None:
        """Return the time of the last change of the table, in nanoseconds."""
        return self._file.stat().st_mtime_ns if self._file.exists() else None


def table(
    trials: list[FrozenTrial], spec: SweepSpec, decision: FinalsDecision | None = None
) -> str:
    """Return all trials as CSV: number, kind, reason, values, parameters, attributes; once the
    finalists have decided, their means and standard errors too, in the rows of the trials that they
    repeat.
    """
    params = sorted({name for trial in trials for name in trial.params})
    attrs = sorted(
        {name for trial in trials for name in trial.user_attrs}
        - _HIDDEN
        - set(spec.objectives.names)
    )
    finalists = {one.trial.number: one for one in ([] if decision is None else decision.finalists)}
    of_finalists = ["finalist_mean", "finalist_standard_error"] if finalists else []
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [*spec.objectives.names, *of_finalists, *params, *attrs]
    writer.writerow(["number", "kind", "reason", *names])
    for trial in trials:
        values: list[Any] = list(trial.values or [None] * len(spec.objectives.names))
        if finalists:
            one = finalists.get(trial.number)
            values += [None, None] if one is None else [one.mean, one.standard_error]
        reason = trial.user_attrs.get(attributes.REASON)
        row = [trial.number, kind_of(trial), reason, *values]
        writer.writerow(
            [
                *row,
                *(trial.params.get(name) for name in params),
                *(trial.user_attrs.get(name) for name in attrs),
            ]
        )
    return out.getvalue()
