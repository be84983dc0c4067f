"""Lightning callbacks: pruning, the checkpoint to resume from, one outcome for all DDP ranks.

The sweeper itself never imports this module, so it needs neither torch nor Lightning. Outside of a
sweep nothing here has an effect, so a config may always name it.
"""

import json
import math
import os
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import lightning as L
from hydra.core.hydra_config import HydraConfig

from hydra_study import trial
from hydra_study.kinds import kind_of_error

_EVERY_S = 0.2
# How long a failed rank waits for rank 0 to read its outcome: Lightning kills rank 0 as soon as
# another rank has ended with an error.
_OUTCOME_S = 10.0
# How long rank 0 looks for a killed rank: its connection closes before its process has ended.
_LOST_S = 2.0


def checkpoint_to_resume(given: str | None = None) -> str | None:
    """Return, on all ranks, the checkpoint from which a retried or paused trial resumes.

    Args:
        given: Returned if there is none.
    """
    return trial.checkpoint() or given


class LostRankError(RuntimeError):
    """A rank other than 0 was killed: the trial is `killed`, and retried by the sweep's policy."""

    kind = "killed"


class PruningCallback(L.Callback):
    """Report the monitored value after each validation; all ranks stop if the trial is pruned or
    paused, which a training that ends anyway is not.

    The step of a report, in which pruners count, is the epoch, from 1. If epochs have several
    validations (`val_check_interval` below 1), it is the number of validations, as in Lightning's
    `EarlyStopping`.

    Args:
        monitor: Name of the reported metric.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.pruned = False
        self._step = 0

    def state_dict(self) -> dict[str, Any]:
        """Return the last step, from which a resumed trial continues."""
        return {"step": self._step} if self._step else {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from the last step of a checkpoint."""
        self._step = state_dict["step"]

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report the value, and stop the training if the trial should be pruned."""
        value = trainer.callback_metrics.get(self.monitor)
        if (
            not trial.in_trial()
            or trainer.state.fn != "fit"
            or trainer.sanity_checking
            or value is None
            or self.pruned  # and `min_epochs` is not reached
        ):
            return
        self._step = max(self._step, trainer.current_epoch) + 1
        connection = trial.current()  # None on ranks other than 0
        stop = connection is not None and connection.report(
            self._step,
            float(value),
            is_last=_ends_anyway(trainer),
            progress=_progress(trainer),
        )
        self.pruned = bool(trainer.strategy.broadcast(stop, src=0))
        trainer.should_stop = trainer.should_stop or self.pruned

    def raise_if_pruned(self) -> None:
        """Raise `Pruned` if the sweep stopped the training."""
        if self.pruned:
            raise trial.Pruned(f"stopped on {self.monitor}")


class TrialCallback(PruningCallback):
    """The callback that a project adds to its trainer: pruning, and one outcome for all ranks.

    `trainer.fit` raises `Pruned` for a pruned trial, so that it is not tested. If a rank other than
    0 fails, its error is the trial's outcome (`out_of_memory`, `diverged`, `error`); if one is
    killed, the trial is `killed`.

    Args:
        monitor: Name of the reported metric.
    """

    def __init__(self, monitor: str) -> None:
        super().__init__(monitor)
        self._watch: threading.Event | None = None

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start watching, on rank 0, for failures of the other ranks."""
        if trial.current() is not None and trainer.world_size > 1:
            for note in _folder().glob("rank_*.json"):  # of an earlier `fit`
                note.unlink(missing_ok=True)
            self._watch = threading.Event()
            threading.Thread(
                target=_watch_ranks,
                args=(trainer, self._watch),
                daemon=True,
                name="rank-outcomes",
            ).start()

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End a pruned training: rank 0 raises `Pruned`, the others exit."""
        self._end_watch()
        if self.pruned and trainer.global_rank > 0:
            raise SystemExit(0)  # with an error, Lightning would kill rank 0
        self.raise_if_pruned()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Report a failure to rank 0; on rank 0, distinguish a lost rank from an error of its own.

        Raises:
            LostRankError: Another rank was killed.
        """
        if (
            not trial.in_trial()
            or trainer.world_size == 1
            or isinstance(exception, (trial.Pruned, SystemExit))
        ):
            return
        if trainer.global_rank > 0:
            _write_outcome(trainer.global_rank, exception)
            return
        end = time.monotonic() + (_LOST_S if isinstance(exception, RuntimeError) else 0.0)
        while time.monotonic() < end:
            if any((process.poll() or 0) < 0 for process in _processes(trainer)):
                self._end_watch()
                raise LostRankError("a process of the training was killed") from exception
            time.sleep(_EVERY_S)
        self._end_watch()

    def _end_watch(self) -> None:
        if self._watch is not None:
            self._watch.set()
            self._watch = None


def _ends_anyway(trainer: L.Trainer) -> bool:
    """Return whether a validation is the last one of a training."""
    if trainer.should_stop or 0 <= trainer.max_steps <= trainer.global_step:
        return True
    is_last_epoch = 0 <= (trainer.max_epochs or -1) <= trainer.current_epoch + 1
    return is_last_epoch and trainer.is_last_batch


def _progress(trainer: L.Trainer) -> float | None:
    """Return the share of a training's steps that are done; None if their number is unknown."""
    steps = trainer.estimated_stepping_batches
    return trainer.global_step / steps if 0 < steps < math.inf else None


def _folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


def _processes(trainer: L.Trainer) -> list[subprocess.Popen[bytes]]:
    """Return the processes of the ranks that Lightning started from this one."""
    return list(getattr(trainer.strategy.launcher, "procs", []))


def _write_outcome(rank: int, error: BaseException) -> None:
    """Write the outcome of this rank's error for rank 0, and wait for rank 0 to end all ranks."""
    reason = f"{type(error).__name__} in process {rank}: {error}"
    note = _folder() / f"rank_{rank}.json"
    part = note.with_suffix(".part")
    part.write_text(json.dumps({"kind": kind_of_error(error) or "error", "reason": reason}))
    part.replace(note)
    time.sleep(_OUTCOME_S)


def _watch_ranks(trainer: L.Trainer, ended: threading.Event) -> None:
    """End the trial with the outcome that another rank wrote, until the event is set.

    Runs in a thread, since rank 0 itself may be waiting for that rank in a collective operation.
    """
    folder = _folder()
    while not ended.wait(_EVERY_S):
        for note in folder.glob("rank_*.json"):
            connection = trial.current()
            assert connection is not None
            connection.report_end(**json.loads(note.read_text()))
            for process in _processes(trainer):
                process.kill()
            os._exit(1)
