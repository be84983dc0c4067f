"""Counts the seconds of a run, of which a checkpoint keeps those up to it."""

import time
from typing import Any

import lightning as L


class Stopwatch(L.Callback):
    """Counts from its making; a training that goes on from a checkpoint counts on from there."""

    def __init__(self) -> None:
        self.since = time.time()
        self.former = 0.0

    @property
    def seconds(self) -> float:
        """The seconds of this start and of those before it, up to the checkpoints from which the
        next one went on.
        """
        return self.former + time.time() - self.since

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "since": self.since}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict["since"] != self.since:  # a checkpoint of this start is counted already
            self.former = state_dict["seconds"]
