"""For trainings by Lightning: pruning, the checkpoint to resume from, one verdict for all ranks.

The sweeper itself never imports this module, so that it needs neither torch nor Lightning. Outside
of a sweep nothing here does anything, so that a config may always name it.
"""

import json
import os
import subprocess
import threading
import time
from pathlib import Path

import lightning as L
from hydra.core.hydra_config import HydraConfig

from hydra_study import trial
from hydra_study.kinds import kind_of_error

_EVERY_S = 0.2
# How long a rank that failed waits for rank 0 to take its verdict: Lightning kills rank 0 as soon
# as another rank has ended by an error.
_VERDICT_S = 10.0
# How long rank 0 looks for a rank that was killed: a connection closes as its process ends.
_LOST_S = 2.0


def checkpoint_to_resume(given: str | None = None) -> str | None:
    """Return, on all ranks, the checkpoint of the killed trial that this one continues.

    Args:
        given: What is returned if there is none.
    """
    return trial.checkpoint() or given


class LostRankError(RuntimeError):
    """A rank other than 0 was killed: the trial is `killed`, and retried by the sweep's policy."""

    kind = "killed"


class PruningCallback(L.Callback):
    """Reports the monitored value after each validation; all ranks stop where the pruner says so.

    Args:
        monitor: Name of the reported metric; the step of a report is the number of epochs.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor
        self.pruned = False

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Report, and stop the training where it has no future."""
        value = trainer.callback_metrics.get(self.monitor)
        if not trial.in_trial() or trainer.sanity_checking or value is None:
            return
        link = trial.current()  # None on ranks other than 0
        stop = link is not None and link.report(trainer.current_epoch + 1, float(value))
        self.pruned = bool(trainer.strategy.broadcast(stop, src=0))
        trainer.should_stop = trainer.should_stop or self.pruned

    def raise_if_pruned(self) -> None:
        """Raise `Pruned` after a training that was stopped."""
        if self.pruned:
            raise trial.Pruned(f"stopped by the pruner on {self.monitor}")


class TrialCallback(PruningCallback):
    """The one callback that a project adds to its trainer: pruning, and one verdict for all ranks.

    `trainer.fit` raises `Pruned` after a training that the sweep stopped, so that nothing is tested
    after it. Where a rank other than 0 fails, the trial ends as that error says (`out_of_memory`,
    `diverged`, `error`); where one is killed, as `killed`.
    """

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Let rank 0 watch for verdicts of the others."""
        if trial.current() is not None and trainer.world_size > 1:
            for note in _folder().glob("rank_*.json"):  # of a former `fit`
                note.unlink(missing_ok=True)
            threading.Thread(
                target=_take_verdict, args=(trainer,), daemon=True, name="rank-verdict"
            ).start()

    def on_fit_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """End a training that was stopped."""
        if self.pruned and trainer.global_rank > 0:
            raise SystemExit(0)  # an error would let Lightning kill rank 0
        self.raise_if_pruned()

    def on_exception(
        self, trainer: L.Trainer, pl_module: L.LightningModule, exception: BaseException
    ) -> None:
        """Tell rank 0 why another rank fails; in rank 0 tell a lost rank from an error of its own.

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
            _leave_verdict(trainer.global_rank, exception)
        elif isinstance(exception, RuntimeError):
            end = time.monotonic() + _LOST_S
            while time.monotonic() < end:
                if any((process.poll() or 0) < 0 for process in _processes(trainer)):
                    raise LostRankError("a process of the training was killed") from exception
                time.sleep(_EVERY_S)


def _folder() -> Path:
    return Path(HydraConfig.get().runtime.output_dir)


def _processes(trainer: L.Trainer) -> list[subprocess.Popen[bytes]]:
    """Return the other ranks that Lightning has started from this one."""
    return list(getattr(trainer.strategy.launcher, "procs", []))


def _leave_verdict(rank: int, error: BaseException) -> None:
    """Write down why this rank fails, and wait for rank 0 to end all."""
    reason = f"{type(error).__name__} in process {rank}: {error}"
    note = _folder() / f"rank_{rank}.json"
    part = note.with_suffix(".part")
    part.write_text(json.dumps({"kind": kind_of_error(error) or "error", "reason": reason}))
    part.replace(note)
    time.sleep(_VERDICT_S)


def _take_verdict(trainer: L.Trainer) -> None:
    """End the trial by another rank's verdict; a thread, since rank 0 may wait for it for ever."""
    folder = _folder()
    while trainer.training or trainer.sanity_checking:
        for note in folder.glob("rank_*.json"):
            link = trial.current()
            assert link is not None
            link.ended(**json.loads(note.read_text()))
            for process in _processes(trainer):
                process.kill()
            os._exit(1)
        time.sleep(_EVERY_S)
