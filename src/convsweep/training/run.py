"""A training run: folder, callbacks, loggers and result."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from convsweep import run_folder
from convsweep.cli.console import quiet_engines, say, short_path
from convsweep.distributed.ranks import is_child, is_first
from convsweep.errors import UserError, did_you_mean
from convsweep.patches import applied_patches
from convsweep.tracking import Tracker, open_tracker, outcome_of
from convsweep.tracking.best_scores import BestScores
from convsweep.training.build import plain_errors
from convsweep.training.callbacks.stopwatch import Stopwatch
from convsweep.training.latency import latency_record
from convsweep.training.lost_rank import cause_of, clear_notes, leave_note, observe
from convsweep.training.result import (
    best_checkpoint,
    closing_facts,
    objective_values,
    reason_of,
    result_of,
)
from convsweep.training.result_table import show_result
from convsweep.training.threads import keep_freed_memory, set_threads
from convsweep.training.trainer import make_trainer
from hydra_study import trial
from hydra_study.lightning import PruningCallback

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule
    from convsweep.models.base import Model


# The check that a sweep runs before a trial (`hydra.sweeper.check`).
CHECK = "convsweep.training.feasibility.check"


class Run:
    """The state of a run, from opening its folder to writing its result."""

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        self.folder = Path(HydraConfig.get().runtime.output_dir)
        self.link = trial.current()
        self.checkpoint = self.find_checkpoint()
        self.cost: dict[str, Any] = {}
        self.tracker: Tracker | None = None
        self.pruning = PruningCallback(cfg.monitor.metric)
        self.best = BestScores(cfg.monitor.metric, cfg.monitor.mode)
        self.stopwatch = Stopwatch()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.closing = threading.Event()

    def find_checkpoint(self) -> str | None:
        """Return the checkpoint to resume from: the configured one, or the last of the killed trial
        that this one retries.

        Raises:
            UserError: the configured one does not exist.
        """
        if trial.checkpoint() is not None:
            return trial.checkpoint()
        if self.cfg.ckpt_path == "last":
            found = run_folder.last_checkpoint(self.folder)
            return str(found) if found else None
        if self.cfg.ckpt_path is not None and not Path(self.cfg.ckpt_path).is_file():
            raise UserError(
                f"ckpt_path must be a checkpoint or `last`, but {self.cfg.ckpt_path} is not a file"
            )
        return None if self.cfg.ckpt_path is None else str(self.cfg.ckpt_path)

    @property
    def former(self) -> Path | None:
        """The folder of the resumed run, which may be this run's own."""
        return Path(self.checkpoint).parent.parent if self.checkpoint else None

    @property
    def known_cost(self) -> dict[str, Any] | None:
        """The network's cost from the sweep's check of this trial; None outside of a sweep."""
        return None if self.link is None else self.link.checked.get(CHECK)

    def report_cost(self, cost: dict[str, Any]) -> None:
        """Print the network's cost and keep it for the result."""
        self.cost = dict(cost)
        if self.cfg.freed_memory == "keep":
            keep_freed_memory()
        threads = set_threads(self.cfg.num_threads, cost["macs"], int(self.cfg.data.batch_size))
        self.cost |= latency_record(self.cfg)
        if is_first():
            say(f"{cost['summary']}; {threads} thread{'s' if threads > 1 else ''}")
            if self.checkpoint:
                say(f"resuming from {self.checkpoint}")
            elif self.link is None and any(
                text.startswith("sweeps=") for text in HydraConfig.get().overrides.task
            ):
                say("this is one training with the settings of the sweep; to search, add -m")

    @property
    def objectives(self) -> list[str]:
        """Names of the objectives: metrics at the best checkpoint, or figures of the network's
        cost.
        """
        return (
            [self.cfg.monitor.metric] if self.cfg.objectives is None else list(self.cfg.objectives)
        )

    @property
    def place(self) -> dict[str, Any]:
        """Folder, trial and study of this run, for the loggers."""
        number, study = (
            (None, None) if self.link is None else (self.link.number, self.link.study_name)
        )
        return {"folder": str(self.folder), "trial": number, "study": study}

    def open_tracker(self) -> Tracker:
        """Write the resolved config and open metrics.csv and the logger.

        Raises:
            UserError: the logger cannot be built.
        """
        resolved = run_folder.write_config(self.folder, self.cfg)
        former = self.former
        with plain_errors("logger"):
            return open_tracker(
                resolved["logger"],
                self.folder,
                run_config=resolved | {"run": self.place},
                name=self.cfg.name if self.link is None else f"{self.cfg.name}_{self.link.number}",
                group=self.link.study_name if self.link else None,
                resume_from=former if former and (former / run_folder.CONFIG).is_file() else None,
            )

    def trainer(self, model: "Model") -> L.Trainer:
        """Return the trainer with this run's callbacks and loggers."""
        metrics = model.metric_names()
        check_name("monitor.metric", self.cfg.monitor.metric, metrics)
        for name in self.objectives:
            check_name("objectives", name, [*metrics, *self.cost])
        self.tracker = self.tracker or self.open_tracker()
        first = [self.best, self.stopwatch, *self.tracker.callbacks]
        trainer = make_trainer(self.cfg, first, [self.pruning], self.tracker.loggers)
        if trainer.world_size > 1:
            observe(self)
        self.note_logger()
        return trainer

    def begin_again(self) -> None:
        """Prepare for another trainer after a change of the config, resuming from the last
        checkpoint if there is one.
        """
        run_folder.write_config(self.folder, self.cfg)
        checkpoint = run_folder.last_checkpoint(self.folder)
        self.checkpoint = str(checkpoint) if checkpoint else self.checkpoint
        self.pruning = PruningCallback(self.cfg.monitor.metric)
        L.seed_everything(self.cfg.seed, workers=True, verbose=False)

    def raise_if_pruned(self) -> None:
        """Raise `Pruned` after a training that the sweep stopped."""
        self.pruning.raise_if_pruned()

    def test(self, trainer: L.Trainer, model: "Model", data: "DataModule") -> None:
        """Test the best checkpoint if the data has a test split, which a search never uses.

        `test: always` is for trials outside of a search: the runs of a confirmation.
        """
        if data.test is not None and (not trial.in_trial() or self.cfg.test == "always"):
            trainer.test(model, data, ckpt_path=best_checkpoint(trainer), verbose=False)

    def finish(self, trainer: L.Trainer) -> float | tuple[float, ...]:
        """Write the result, print it (unless in a sweep), and return the objective or
        objectives.
        """
        objectives = objective_values(self.objectives, self.best.scores | self.cost)
        result = result_of(trainer, self.best, objectives, self.folder)
        if is_first():
            result = self.write(result)
            if self.link is None:
                show_result(result, self.folder)
            elif result["checkpoint"]:
                self.link.set_attrs(best_checkpoint=str(self.folder / result["checkpoint"]))
        values = tuple(objectives.values())
        return values[0] if len(values) == 1 else values

    def write(self, result: dict[str, Any]) -> dict[str, Any]:
        """Write `result.json` and return its content."""
        result |= {
            "seconds": self.stopwatch.seconds,
            "cost": self.cost,
            "wandb": self.tracker.record if self.tracker else None,
            "patches": applied_patches(),
        }
        run_folder.write_result(self.folder, result)
        if self.tracker is not None:
            self.tracker.log_summary(closing_facts(result, self.folder))
        return result

    def log_anyway(self) -> None:
        """Open the loggers of a trial that failed before it opened them, so that every trial has a
        run in W&B.
        """
        with suppress(Exception):
            self.tracker = self.open_tracker()
            self.note_logger()

    def note_logger(self) -> None:
        """Log the network's cost, and store the id of the W&B run in the study."""
        assert self.tracker is not None
        self.tracker.log_summary({f"cost/{name}": value for name, value in self.cost.items()})
        if self.link is not None and self.tracker.record is not None:
            self.link.set_attrs(wandb_id=self.tracker.record["id"])

    def close(self, error: BaseException | None) -> None:
        """Close the loggers with the outcome of the run; an incomplete run writes a result with the
        reason.
        """
        outcome = outcome_of(error)
        if error is not None and self.tracker is None and self.link is not None:
            self.log_anyway()
        if error is not None and not is_first():
            leave_note(self.folder, error)
        if error is not None and is_first() and self.folder.is_dir():
            self.write(
                {
                    "outcome": outcome,
                    "reason": reason_of(error),
                    "best": self.best.scores,
                    "best_epoch": self.best.epoch,
                }
            )
        if (
            outcome == "killed"
            and is_first()
            and self.link is None
            and run_folder.last_checkpoint(self.folder)
        ):
            say(f"stopped; resume with resume={short_path(self.folder)}")
        if self.tracker is not None:
            self.tracker.close(outcome)


@contextmanager
def open_run(cfg: DictConfig) -> Iterator[Run]:
    """Open a run, and close its loggers and result with the outcome of the block."""
    quiet_engines()
    run = Run(cfg)
    if is_first():
        clear_notes(run.folder)
    try:
        yield run
    except BaseException as error:
        run.closing.set()
        lost = cause_of(error, run.processes, run.folder)
        run.close(lost or error)
        if lost is not None:
            raise lost from error
        if is_child() and isinstance(error, UserError):
            raise SystemExit(1) from error  # rank 0 prints the message
        raise
    run.closing.set()
    run.close(None)


def check_name(key: str, name: str, known: list[str]) -> None:
    """Raise `UserError` unless `name` is one of `known`."""
    if name not in known:
        raise UserError(
            f"{key} must be one of {', '.join(known)}, but is {name!r}; {did_you_mean(name, known)}"
        )
