"""The W&B run of a study."""

import contextlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from convsweep.review.study import Sweep
from convsweep.review.wandb_study.panels import panels
from convsweep.review.wandb_study.rows import STEP, history, study_config, summary
from convsweep.review.wandb_study.table import trials_table
from convsweep.review.wandb_study.winner import log_winner
from convsweep.tracking.outcome import exit_code_of
from convsweep.tracking.wandb.run import finish_run, read_run_file, run_settings, start_run
from hydra_study import SweepPaths, write_atomically

# Table and figures are updated when the number of ended trials has grown by this factor and this
# time has passed.
GROWTH, PANELS_EVERY_S = 1.05, 15.0
# At most 1 / this of the time is spent on reading, and on drawing.
SHARE = 20
# Prefixes of summary keys that may disappear at an update.
COUNTED_ANEW = ("outcomes/", "winner/")


class StudyRun:
    """The run of one study, resumed at every start of the sweep.

    Args:
        folder: folder of the sweep, for `wandb.json` and `wandb/`.
        options: of the trials' logger.

    Attributes:
        outcome: state in which the run is closed.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any]) -> None:
        self.folder = folder
        self.options = options
        own = {
            name: options[name]
            for name in ("init_timeout_s", "finish_timeout_s", "settings")
            if name in options
        }
        # the trials' runs record the machine's load
        self._settings = {"x_disable_stats": True, **run_settings(**own)}
        self.outcome = "complete"
        self._run: Any = None
        self._is_off = False
        self._state = SweepPaths(folder).own / "study_run.json"
        self._logged: set[int] = set(self._read_state())
        self._drawn, self._next = 0, -math.inf

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._run is not None:
            outcome: Any = self.outcome if error is None else "error"
            finish_run(self._run, exit_code_of(outcome), self._settings["finish_timeout"])

    def update(self, sweep: Sweep, final: bool = False) -> None:
        """Log a row for every newly ended trial and the summary, and from time to time table and
        figures.
        """
        if self._run is None and not self._is_off:
            self._run = self._start(sweep)
            self._is_off = self._run is None
        if self._run is None:
            return
        rows = list(history(sweep))
        fresh = [row for row in rows if row["trial"] not in self._logged]
        for row in fresh:
            self._run.log(row)
        self._logged |= {row["trial"] for row in fresh}
        if final or (len(rows) >= GROWTH * self._drawn + 1 and time.monotonic() >= self._next):
            self._draw(sweep, len(rows))
        if fresh or final:
            self._sum_up(summary(sweep))
            with contextlib.suppress(OSError):
                write_atomically(self._state, json.dumps(sorted(self._logged)))
        if final and self.options.get("log_model", "none") != "none":
            log_winner(self._run, sweep)

    def _sum_up(self, now: Mapping[str, Any]) -> None:
        """Set the summary and remove outdated keys: kinds of outcome that are gone, parameters of
        an earlier winner.
        """
        former = [
            key
            for key in self._run.summary.keys()  # noqa: SIM118
            if key.startswith(COUNTED_ANEW) and key not in now
        ]
        for key in former:
            del self._run.summary[key]
        self._run.summary.update(now)

    def _draw(self, sweep: Sweep, num_ended: int) -> None:
        """Log table and figures, and schedule the next update."""
        began = time.monotonic()
        self._run.log({"trials": trials_table(sweep, self._run), **panels(sweep), STEP: num_ended})
        self._drawn = num_ended
        self._next = time.monotonic() + max(PANELS_EVERY_S, SHARE * (time.monotonic() - began))

    def _start(self, sweep: Sweep) -> Any:
        given = {name: self.options.get(name) for name in ("project", "entity", "notes")}
        arguments = {
            **given,
            "dir": str(self.folder),
            "id": read_run_file(self.folder).get("id"),
            "name": sweep.name,
            "group": self.options.get("group") or sweep.name,
            "job_type": "study",
            "tags": [*(self.options.get("tags") or []), "study"],
        }
        run = start_run(self.folder, self.options.get("mode", "auto"), arguments, self._settings)
        if run is not None:
            run.define_metric(STEP, hidden=True)
            run.define_metric("*", step_metric=STEP)
            run.config.update(study_config(sweep), allow_val_change=True)
        return run

    def _read_state(self) -> list[int]:
        try:
            return [int(number) for number in json.loads(self._state.read_text())]
        except (OSError, ValueError):
            return []
