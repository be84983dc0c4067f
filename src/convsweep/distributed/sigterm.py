"""SIGTERM in distributed training: recorded, then handled by all processes before the same step.

Lightning 2.6 reduces a tensor at the point where the signal interrupts a process. Other processes
in the middle of a step take it for the gradients that they wait for, and all hang until they are
killed.
"""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.utilities.exceptions import SIGTERMException

# Interval of the checks, unless a step takes longer.
EVERY_S = 1.0
# Sent instead of a number of steps by a process that received the signal.
STOP = 0


def announce_end() -> None:
    """Write that the training ends after this step, which may last long. In a signal handler, which
    may interrupt a `print`, so written without a buffer.
    """
    os.write(2, b"SIGTERM: the training ends after the step in progress\n")


class CheckInterval:
    """Number of steps between two checks for the signal.

    The smallest proposal of all processes counts. It is estimated from the steps since the last
    check, and at most doubles.
    """

    def __init__(self) -> None:
        self.steps, self.left = 1, 0
        self.asked_at: float | None = None

    def is_over(self) -> bool:
        """Count a step, and return whether it is time to check."""
        self.left -= 1
        return self.left < 0

    def propose_interval(self) -> int:
        """Return the number of steps that take about `EVERY_S` seconds."""
        now, before = time.monotonic(), self.asked_at
        self.asked_at = now
        if before is None:
            return 1
        a_step = (now - before) / self.steps
        return max(1, min(2 * self.steps, int(EVERY_S / max(a_step, 1e-9))))

    def agree(self, steps: int) -> None:
        """Set the number of steps to the next check."""
        self.steps, self.left = steps, steps - 1


class EndTogether(L.Callback):
    """Replaces Lightning's handler of SIGTERM: about once a second all processes check whether one
    of them received it.

    A handler installed before Lightning's is called too.
    """

    def __init__(self) -> None:
        self.pace = CheckInterval()
        self.has_signal = False
        self.before = signal.getsignal(signal.SIGTERM)

    def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def listen(self, trainer: L.Trainer) -> None:
        """Install the handler; Lightning restores the earlier one at the end."""

        def note(signum: int, frame: FrameType | None) -> None:
            launcher = trainer.strategy.launcher
            if not self.has_signal:
                if trainer.is_global_zero:
                    announce_end()
                if launcher is not None:
                    # forward it to the processes that this one has started
                    launcher.kill(signum)  # type: ignore[attr-defined]
            self.has_signal = True
            if callable(self.before):
                self.before(signum, frame)

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, note)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Check for the signal in all processes, if it is time.

        Raises:
            SIGTERMException: one of them received it.
        """
        if not self.pace.is_over():
            return
        said = STOP if self.has_signal else self.pace.propose_interval()
        word = torch.tensor([said], device=trainer.strategy.root_device)
        dist.all_reduce(word, dist.ReduceOp.MIN)
        steps = int(word)
        if steps == STOP:
            dist.barrier()  # no process may end while another still communicates
            raise SIGTERMException
        self.pace.agree(steps)

    def on_validation_batch_start(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Raise in this process alone, since validation steps do not communicate.

        Raises:
            SIGTERMException: this process received it.
        """
        if self.has_signal:
            raise SIGTERMException
