"""The record of a run: its config, the rows of its loggers, and its result."""

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from convsweep import run_folder
from convsweep.patches import applied_patches
from convsweep.tracking import Tracker, open_tracker, outcome_of
from convsweep.tracking.best_scores import BestScores
from convsweep.tracking.outcome import Outcome
from convsweep.training.build import plain_errors
from convsweep.training.callbacks.stopwatch import Stopwatch
from convsweep.training.result import closing_facts, reason_of
from hydra_study import trial

if TYPE_CHECKING:
    import lightning as L
    from lightning.pytorch.loggers import Logger


class RunRecord:
    """The config, loggers and result of a run.

    Args:
        cfg: the config.
        folder: the run folder.

    Attributes:
        best: the scores of the best epoch.
        cost: the cost of the network.
    """

    def __init__(self, cfg: DictConfig, folder: Path) -> None:
        self.best = BestScores(cfg.monitor.metric, cfg.monitor.mode)
        self.cost: dict[str, Any] = {}
        self._cfg = cfg
        self._folder = folder
        self._trial = trial.current()
        self._stopwatch = Stopwatch()
        resumes = cfg.get("ckpt_path") is not None
        # a checkpoint does not know the time between it and the end of its start
        self._earlier_s = run_folder.read_result(folder).get("seconds", 0.0) if resumes else 0.0
        self._tracker: Tracker | None = None

    @property
    def callbacks(self) -> "list[L.Callback]":
        """The callbacks that collect it, once it is open."""
        assert self._tracker is not None
        return [self.best, self._stopwatch, *self._tracker.callbacks]

    @property
    def loggers(self) -> "list[Logger]":
        """The loggers, once it is open."""
        assert self._tracker is not None
        return self._tracker.loggers

    def open(self, former: Path | None) -> None:
        """Write the resolved config, open metrics.csv and the logger, and log the network's cost;
        only once.

        Args:
            former: the folder of the resumed run, if there is one.

        Raises:
            UserError: the logger cannot be built.
        """
        if self._tracker is None:
            self._tracker = self._open_tracker(former)
        self._tracker.log_summary({f"cost/{name}": value for name, value in self.cost.items()})
        if self._trial is not None and self._tracker.record is not None:
            self._trial.set_attrs(wandb_id=self._tracker.record["id"])

    def _open_tracker(self, former: Path | None) -> Tracker:
        resolved = run_folder.write_config(self._folder, self._cfg)
        number, study, name = None, None, self._cfg.name
        if self._trial is not None:
            number, study = self._trial.number, self._trial.study_name
            name = f"{name}_{number}"
        place = {"folder": str(self._folder), "trial": number, "study": study}
        with plain_errors("logger"):
            return open_tracker(
                resolved["logger"],
                self._folder,
                run_config=resolved | {"run": place},
                name=name,
                group=study,
                resume_from=former if former and (former / run_folder.CONFIG).is_file() else None,
            )

    def write(self, result: dict[str, Any]) -> dict[str, Any]:
        """Write `result.json` and return its content."""
        result |= {
            "seconds": max(
                self._stopwatch.seconds, self._earlier_s + time.time() - self._stopwatch.since
            ),
            "cost": self.cost,
            "wandb": self._tracker.record if self._tracker else None,
            "patches": applied_patches(),
        }
        run_folder.write_result(self._folder, result)
        if self._tracker is not None:
            self._tracker.log_summary(closing_facts(result, self._folder))
        return result

    def write_failure(self, error: BaseException) -> None:
        """Write the result of an incomplete run, with the reason."""
        if self._folder.is_dir():
            self.write(
                {
                    "outcome": outcome_of(error),
                    "reason": reason_of(error),
                    "best": self.best.scores,
                    "best_epoch": self.best.epoch,
                }
            )

    def open_for_failure(self, former: Path | None) -> None:
        """Open the loggers of a trial that failed before it opened them, so that every trial has a
        run in W&B.
        """
        if self._tracker is None and self._trial is not None:
            with suppress(Exception):
                self.open(former)

    def close(self, outcome: Outcome) -> None:
        """Close the loggers with the outcome of the run."""
        if self._tracker is not None:
            self._tracker.close(outcome)
