"""A training run: its folder, its checkpoint, its trainers and its end."""

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from convsweep import run_folder
from convsweep.cli.console import quiet_engines, say, short_path
from convsweep.distributed.ranks import is_child, is_first
from convsweep.errors import UserError, did_you_mean
from convsweep.tracking import outcome_of
from convsweep.training.latency import latency_record
from convsweep.training.lost_rank import cause_of, clear_notes, leave_note, observe
from convsweep.training.result import best_checkpoint, objective_values, result_of
from convsweep.training.result_table import show_result
from convsweep.training.run_record import RunRecord
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
    """A run, from the opening of its folder to its result.

    Args:
        cfg: the config.

    Attributes:
        folder: the run folder.
        link: the connection to the sweep whose trial it is, or None.
        checkpoint: path of the checkpoint from which it resumes, or None.
        processes: the other processes of a distributed training.
        closing: set once the run ends.
    """

    def __init__(self, cfg: DictConfig) -> None:
        self.cfg = cfg
        self.folder = Path(HydraConfig.get().runtime.output_dir)
        self.link = trial.current()
        self.checkpoint = find_checkpoint(cfg, self.folder)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.closing = threading.Event()
        self._record = RunRecord(cfg, self.folder)
        self._pruning = PruningCallback(cfg.monitor.metric)

    @property
    def _former(self) -> Path | None:
        """The folder of the resumed run, which may be this run's own."""
        return Path(self.checkpoint).parent.parent if self.checkpoint else None

    @property
    def known_cost(self) -> dict[str, Any] | None:
        """The network's cost from the sweep's check of this trial; None outside of a sweep."""
        return None if self.link is None else self.link.checked.get(CHECK)

    def report_cost(self, cost: dict[str, Any]) -> None:
        """Print the network's cost and keep it for the result."""
        if self.cfg.freed_memory == "keep":
            keep_freed_memory()
        threads = set_threads(self.cfg.num_threads, cost["macs"], int(self.cfg.data.batch_size))
        self._record.cost = cost | latency_record(self.cfg)
        if is_first():
            say(f"{cost['summary']}; {threads} thread{'s' if threads > 1 else ''}")
            if self.checkpoint:
                say(f"resuming from {self.checkpoint}")
                if run_folder.read_result(self.folder).get("outcome") == "complete":
                    say(
                        "this run was complete: it trains on only if trainer.max_epochs is larger"
                        " now, and tests again"
                    )
            elif self.link is None and any(
                text.startswith("sweeps=") for text in HydraConfig.get().overrides.task
            ):
                say("this is one training with the settings of the sweep; to search, add -m")

    @property
    def memory(self) -> int | None:
        """Estimated bytes of a training step with the config's batch size; None if unknown."""
        memory: int | None = self._record.cost.get("memory")
        return memory

    @property
    def _objectives(self) -> list[str]:
        """Names of the objectives: metrics at the best checkpoint, or figures of the network's
        cost.
        """
        return (
            [self.cfg.monitor.metric] if self.cfg.objectives is None else list(self.cfg.objectives)
        )

    def trainer(self, model: "Model") -> L.Trainer:
        """Return the trainer with this run's callbacks and loggers."""
        metrics = model.metric_names()
        check_name("monitor.metric", self.cfg.monitor.metric, metrics)
        for name in self._objectives:
            check_name("objectives", name, [*metrics, *self._record.cost])
        self._record.open(self._former)
        trainer = make_trainer(
            self.cfg, self._record.callbacks, [self._pruning], self._record.loggers
        )
        if trainer.world_size > 1:
            observe(self)
        return trainer

    def begin_again(self) -> None:
        """Prepare for another trainer after a change of the config, resuming from the last
        checkpoint if there is one.
        """
        run_folder.write_config(self.folder, self.cfg)
        checkpoint = run_folder.last_checkpoint(self.folder)
        self.checkpoint = str(checkpoint) if checkpoint else self.checkpoint
        self._pruning = PruningCallback(self.cfg.monitor.metric)
        L.seed_everything(self.cfg.seed, workers=True, verbose=False)

    def raise_if_pruned(self) -> None:
        """Raise `Pruned` after a training that the sweep stopped."""
        self._pruning.raise_if_pruned()

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
        best = self._record.best
        objectives = objective_values(self._objectives, best.scores | self._record.cost)
        result = result_of(trainer, best, objectives, self.folder)
        if is_first():
            result = self._record.write(result)
            if self.link is None:
                show_result(result, self.folder)
            elif result["checkpoint"]:
                self.link.set_attrs(best_checkpoint=str(self.folder / result["checkpoint"]))
        values = tuple(objectives.values())
        return values[0] if len(values) == 1 else values

    def close(self, error: BaseException | None) -> None:
        """Close the loggers with the outcome of the run; an incomplete run writes a result with the
        reason.
        """
        outcome = outcome_of(error)
        if error is not None:
            self._record.open_for_failure(self._former)
            if is_first():
                self._record.write_failure(error)
            else:
                leave_note(self.folder, error)
        if outcome == "killed" and is_first() and self.link is None:
            say(
                f"stopped; resume with resume={short_path(self.folder)}"
                if run_folder.last_checkpoint(self.folder)
                else "stopped before the first epoch ended: there is no checkpoint to resume from"
            )
        self._record.close(outcome)


def find_checkpoint(cfg: DictConfig, folder: Path) -> str | None:
    """Return the checkpoint to resume from: that of the killed trial which this one retries, else
    the configured one.

    Raises:
        UserError: the configured one does not exist.
    """
    if trial.checkpoint() is not None:
        return trial.checkpoint()
    if cfg.ckpt_path == "last":
        found = run_folder.last_checkpoint(folder)
        return str(found) if found else None
    if cfg.ckpt_path is not None and not Path(cfg.ckpt_path).is_file():
        raise UserError(
            f"ckpt_path must be a checkpoint or `last`, but {cfg.ckpt_path} is not a file"
        )
    return None if cfg.ckpt_path is None else str(cfg.ckpt_path)


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
