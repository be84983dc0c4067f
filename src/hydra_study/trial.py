"""What a trial sees of its sweep: a link that reports values upwards, and the exceptions that end a
trial early.
"""

import os
from collections.abc import Mapping
from typing import Any, Protocol


class Pruned(Exception):  # noqa: N818 - an end, not an error
    """Raised by a training that was told to stop because the pruner saw no future in it."""

    kind = "pruned"


class Stopped(BaseException):
    """Raised inside a trial by the signal that asks it to close; not an `Exception`, so that no
    handler swallows it.

    Args:
        reason: Why it is asked to.
        kind: What it ends as: `killed`, or `timed_out` where it has passed a limit on its time.
    """

    def __init__(self, reason: str, kind: str = "killed") -> None:
        super().__init__(reason)
        self.kind = kind


class Channel(Protocol):
    """The two calls that a link needs of its connection to the worker."""

    def send(self, message: dict[str, Any]) -> None: ...

    def ask(self, message: dict[str, Any]) -> dict[str, Any]: ...


class TrialConnection:
    """The connection of one running trial to the worker that owns the study.

    Args:
        number: Number of the trial, which is also the name of its folder.
        study_name: Name of the study, the group of its runs.
        folder: Output folder of the trial.
        checkpoint: Checkpoint of the killed trial that this one continues, or None.
        channel: Connection to the worker.
        checked: What the sweep's check said of the trial's config, by the check's dotted path.
    """

    def __init__(
        self,
        number: int,
        study_name: str,
        folder: str,
        checkpoint: str | None,
        channel: Channel,
        checked: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        self.number = number
        self.study_name = study_name
        self.folder = folder
        self.checkpoint = checkpoint
        self.checked = dict(checked or {})
        self._channel = channel
        self._pid = os.getpid()

    def report(self, step: int, value: float) -> bool:
        """Report the monitored value after `step` steps and return True if the trial should raise
        `Pruned`.

        The first step is 1: pruners compare what trials reported after equally many.
        """
        answer = self._channel.ask({"say": "report", "step": int(step), "value": float(value)})
        return bool(answer["stop"])

    def set_attrs(self, **facts: Any) -> None:
        """Store facts of the trial (the id of its W&B run, its cost) as attributes of the trial in
        the study.
        """
        self._channel.send({"say": "note", "facts": facts})

    def ended(self, kind: str, reason: str) -> None:
        """Say how the trial ended, where its process must end without coming back to the sweeper;
        it must end then.
        """
        self._channel.send({"say": "end", "outcome": {"kind": kind, "reason": reason}})

    def alive(self) -> None:
        """Give a sign of life, for trials that report seldom and run under
        `hydra.sweeper.hang_limit`.
        """
        self._channel.send({"say": "alive"})

    def is_mine(self) -> bool:
        """Whether this process is the trial's own one: a forked rank must not talk on the
        connection of rank 0.
        """
        return os.getpid() == self._pid


_VARIABLE = "HYDRA_STUDY_TRIAL"
_CHECKPOINT = "HYDRA_STUDY_CHECKPOINT"
_link: TrialConnection | None = None


def current() -> TrialConnection | None:
    """Return the link of the trial that this process runs, or None outside of a sweep."""
    return _link if _link is not None and _link.is_mine() else None


def in_trial() -> bool:
    """Return whether this process belongs to a trial; true on all ranks, where `current` is None on
    all but rank 0.
    """
    return _VARIABLE in os.environ


def checkpoint() -> str | None:
    """Return the checkpoint of the killed trial that this one continues, on all ranks, or None."""
    return os.environ.get(_CHECKPOINT)


def enter(link: TrialConnection) -> None:
    """Make `link` the current one, which its trial's process does when the trial begins."""
    global _link
    _link = link
    os.environ[_VARIABLE] = str(link.number)
    if link.checkpoint is not None:
        os.environ[_CHECKPOINT] = link.checkpoint


def leave() -> None:
    """Let there be no current link, until the process enters its next trial."""
    global _link
    _link = None
    for variable in (_VARIABLE, _CHECKPOINT):
        os.environ.pop(variable, None)
