"""Duration of a run, continued across checkpoints."""

import time
from typing import Any

import lightning as L


class Stopwatch(L.Callback):
    """Counts from its construction; a resumed training continues from the checkpoint's value."""

    def __init__(self) -> None:
        self.since = time.time()
        self.former = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of this start, plus those of earlier starts up to the checkpoints they were
        resumed from.
        """
        return self.former + time.time() - self.since

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds, "since": self.since}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if state_dict["since"] != self.since:  # a checkpoint of this start is already counted
            self.former = state_dict["seconds"]
