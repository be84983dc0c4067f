"""SIGTERM in a training of several processes: it is noted, and answered together behind the step that is being taken.

Lightning 2.6 exchanges a tensor in the middle of whatever the signal interrupts. The other processes, in the middle of a step of
their own, take it for the gradients that they wait for, and all of them hang until they are killed.
"""

from types import FrameType

from lightning.pytorch.trainer.connectors.signal_connector import _SignalConnector


def note_sigterm() -> None:
    """Let Lightning note the signal; before each step its processes tell each other what the first of them has noted."""
    _SignalConnector._sigterm_notifier_fn = _note  # type: ignore[assignment, method-assign]


def _note(connector: _SignalConnector, signum: int, frame: FrameType | None) -> None:
    launcher = connector.trainer.strategy.launcher
    if launcher is not None and not connector.received_sigterm:
        launcher.kill(signum)  # type: ignore[arg-type]
    connector.received_sigterm = True
