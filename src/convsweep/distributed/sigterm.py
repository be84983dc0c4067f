"""SIGTERM in a training of several processes: it is noted, and answered together in front of a step.

Lightning 2.6 exchanges a tensor in the middle of whatever the signal interrupts. The other processes, in the middle of a step of
their own, take it for the gradients that they wait for, and all of them hang until they are killed. And in front of each step
it asks whether there was a signal, for which all processes wait, and each for its device.
"""

import time
from types import FrameType
from weakref import WeakKeyDictionary

import torch
import torch.distributed as dist
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector
from lightning.pytorch.utilities.exceptions import SIGTERMException

EVERY_S = 1.0
"""How long a noted signal may wait for its answer, unless a step takes longer."""
STOP = 0
"""What the first process says in place of a number of steps."""


class Pace:
    """How many steps the processes take before they ask each other again.

    The first process says it, as clocks differ. It learns from the steps since the last time, and at most doubles their number.
    """

    def __init__(self) -> None:
        self.steps, self.left = 1, 0
        self.asked_at: float | None = None

    def is_over(self) -> bool:
        """Count a step, and return whether it is time to ask."""
        self.left -= 1
        return self.left < 0

    def proposed(self) -> int:
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


_paces: WeakKeyDictionary[_TrainingEpochLoop, Pace] = WeakKeyDictionary()


def note_sigterm() -> None:
    """Let Lightning note the signal; about once a second its processes tell each other whether the first of them has."""
    _SignalConnector._sigterm_notifier_fn = _note  # type: ignore[assignment, method-assign]
    _TrainingEpochLoop._broadcast_sigterm_tensor = _ask  # type: ignore[assignment, method-assign]


def _note(connector: _SignalConnector, signum: int, frame: FrameType | None) -> None:
    launcher = connector.trainer.strategy.launcher
    if launcher is not None and not connector.received_sigterm:
        launcher.kill(signum)  # type: ignore[arg-type]
    connector.received_sigterm = True


def _ask(loop: _TrainingEpochLoop) -> None:
    pace = _paces.setdefault(loop, Pace())
    if not pace.is_over():
        return
    said = STOP if loop.trainer.received_sigterm else pace.proposed()
    word = torch.tensor([said], device=loop.trainer.strategy.root_device)
    dist.broadcast(word, src=0)
    steps = int(word)
    if steps == STOP:
        dist.barrier()  # none may end while another still asks
        raise SIGTERMException
    pace.agree(steps)
