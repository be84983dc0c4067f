"""SIGTERM in a training of several processes: it is noted, and answered together in front of a
step.

Lightning 2.6 exchanges a tensor in the middle of whatever the signal interrupts. The other
processes, in the middle of a step of their own, take it for the gradients that they wait for, and
all of them hang until they are killed.
"""

import signal
import threading
import time
from types import FrameType
from typing import Any

import lightning as L
import torch
import torch.distributed as dist
from lightning.pytorch.utilities.exceptions import SIGTERMException

# How long a noted signal may wait for its answer, unless a step takes longer.
EVERY_S = 1.0
# What a process that has the signal says in place of a number of steps.
STOP = 0


class Pace:
    """How many steps the processes take before they ask each other again.

    The slowest says it, as clocks differ. It learns from the steps since the last time, and at most
    doubles their number.
    """

    def __init__(self) -> None:
        self.steps, self.left = 1, 0
        self.asked_at: float | None = None

    def is_over(self) -> bool:
        """Count a step, and return whether it is time to ask."""
        self.left -= 1
        return self.left < 0

    def propose_interval(self) -> int:
        """Return the steps that take `EVERY_S`."""
        now, before = time.monotonic(), self.asked_at
        self.asked_at = now
        if before is None:
            return 1
        a_step = (now - before) / self.steps
        return max(1, min(2 * self.steps, int(EVERY_S / max(a_step, 1e-9))))

    def agree(self, steps: int) -> None:
        """Go on for so many steps."""
        self.steps, self.left = steps, steps - 1


class EndTogether(L.Callback):
    """Takes the place of Lightning's handler of SIGTERM; about once a second the processes tell
    each other whether one has it.

    A handler that was there before Lightning's is called too.
    """

    def __init__(self) -> None:
        self.pace = Pace()
        self.has_signal = False
        self.before = signal.getsignal(signal.SIGTERM)

    def on_sanity_check_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def on_test_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.listen(trainer)

    def listen(self, trainer: L.Trainer) -> None:
        """Note the signal from now on; Lightning puts the handler back that was there before its
        own.
        """

        def note(signum: int, frame: FrameType | None) -> None:
            launcher = trainer.strategy.launcher
            if launcher is not None and not self.has_signal:
                # the processes that this one has started
                launcher.kill(signum)  # type: ignore[attr-defined]
            self.has_signal = True
            if callable(self.before):
                self.before(signum, frame)

        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, note)

    def on_train_batch_start(
        self, trainer: L.Trainer, pl_module: L.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Ask the others, if it is time.

        Raises:
            SIGTERMException: one of them has the signal.
        """
        if not self.pace.is_over():
            return
        said = STOP if self.has_signal else self.pace.propose_interval()
        word = torch.tensor([said], device=trainer.strategy.root_device)
        dist.all_reduce(word, dist.ReduceOp.MIN)
        steps = int(word)
        if steps == STOP:
            dist.barrier()  # none may end while another still asks
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
        """End where nothing is exchanged.

        Raises:
            SIGTERMException: this process has the signal.
        """
        if self.has_signal:
            raise SIGTERMException
