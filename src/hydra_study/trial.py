"""A training's view of its sweep: the trial's connection, its checkpoint, and the exceptions that
end it early.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol


class Pruned(Exception):  # noqa: N818 - an end, not an error
    """Raised by a training when `TrialConnection.report` returned True.

    Attributes:
        kind: `paused` if the trial may go on later (`hydra/sweeper/schedule`), else `pruned`.
    """

    kind = "pruned"

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        connection = current()
        if connection is not None and connection.stopped_as is not None:
            self.kind = connection.stopped_as


class Stopped(BaseException):
    """Raised in a trial by SIGTERM or SIGINT; not an `Exception`, so that no handler swallows it.

    Args:
        reason: Why the trial is to end.
        kind: Its outcome: `killed`, or `timed_out` if it has passed a time limit.
    """

    def __init__(self, reason: str, kind: str = "killed") -> None:
        super().__init__(reason)
        self.kind = kind


class TrialChannel(Protocol):
    """The methods of `processes.messages.Channel` that a trial uses."""

    def send(self, message: dict[str, Any]) -> None: ...

    def ask(self, message: dict[str, Any]) -> dict[str, Any]: ...


class TrialConnection:
    """The connection of a running trial to its worker.

    Args:
        number: Number of the trial, which is also the name of its folder.
        study_name: Name of the study.
        folder: Output folder of the trial.
        checkpoint: Checkpoint of the killed trial that this one retries, or of this trial before it
            was paused, or None.
        channel: Channel to the worker.
        checked: Result of `hydra.sweeper.check` for the trial's config, by the check's dotted path.
        reports_steps: Whether reports are the trial's; those of one of its several trainings
            (`hydra.sweeper.average_over`) are not.

    Attributes:
        stopped_as: `pruned` or `paused` once a report has stopped the trial, else None.
    """

    def __init__(
        self,
        number: int,
        study_name: str,
        folder: str,
        checkpoint: str | None,
        channel: TrialChannel,
        checked: Mapping[str, dict[str, Any]] | None = None,
        *,
        reports_steps: bool = True,
    ) -> None:
        self.number = number
        self.study_name = study_name
        self.folder = folder
        self.checkpoint = checkpoint
        self.checked = dict(checked or {})
        self.stopped_as: str | None = None
        self.channel = channel
        self._reports_steps = reports_steps
        self._pid = os.getpid()

    def report(
        self, step: int, value: float, *, is_last: bool = False, progress: float | None = None
    ) -> bool:
        """Report an intermediate value and return whether the trial should raise `Pruned`.

        A trial that is paused resumes later from its checkpoint, which must be written by then.

        Args:
            step: Number of steps (epochs, say) done so far, from 1. Pruners compare trials at equal
                steps.
            value: The monitored value.
            is_last: Whether the training ends with this step anyway: the trial is then not stopped.
            progress: Share of the training that is done, 0 to 1, if it is known: a schedule pauses
                no trial that has little left.

        Raises:
            ConnectionError: The worker has died.
        """
        if not self._reports_steps:
            self.keep_alive()
            return False
        report = {"step": int(step), "value": float(value), "is_last": is_last}
        message = {"type": "report", **report, "progress": progress}
        self.stopped_as = self.channel.ask(message)["stop"]
        return self.stopped_as is not None

    def set_attrs(self, **attributes: Any) -> None:
        """Set user attributes of the trial in the study, e.g. the id of its W&B run."""
        self.channel.send({"type": "attributes", "attributes": attributes})

    def report_end(self, kind: str, reason: str) -> None:
        """Report the outcome, for a process that ends without returning from the task function; it
        must end right after.

        Args:
            kind: One of `kinds.KINDS`.
            reason: One line for the user.
        """
        self.channel.send({"type": "end", "outcome": {"kind": kind, "reason": reason}})

    def keep_alive(self) -> None:
        """Reset the timer of `hydra.sweeper.hang_limit`, for trials that report seldom."""
        self.channel.send({"type": "alive"})

    def is_mine(self) -> bool:
        """Return whether this process opened the connection: a forked rank must not use it."""
        return os.getpid() == self._pid


_VARIABLE = "HYDRA_STUDY_TRIAL"
_CHECKPOINT = "HYDRA_STUDY_CHECKPOINT"
_connection: TrialConnection | None = None


def current() -> TrialConnection | None:
    """Return the connection of this process's trial; None outside of a sweep and on ranks > 0."""
    return _connection if _connection is not None and _connection.is_mine() else None


def in_trial() -> bool:
    """Return whether this process belongs to a trial; true on all ranks."""
    return _VARIABLE in os.environ


def checkpoint() -> str | None:
    """Return, on all ranks, the checkpoint from which a retried or paused trial resumes, or
    None.
    """
    return os.environ.get(_CHECKPOINT)


def enter(connection: TrialConnection) -> None:
    """Set the connection that `current` returns; called by the sweeper when the trial starts."""
    global _connection
    _connection = connection
    os.environ[_VARIABLE] = str(connection.number)
    if connection.checkpoint is not None:
        os.environ[_CHECKPOINT] = connection.checkpoint


def leave() -> None:
    """Clear the current connection."""
    global _connection
    _connection = None
    for variable in (_VARIABLE, _CHECKPOINT):
        os.environ.pop(variable, None)
