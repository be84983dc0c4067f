"""Processes whose points came to nothing: each waits for the next point of its slot, which saves a fork and an exit."""

from .attempt import Attempt
from .messages import Channel
from .recipe import Job


class Scouts:
    """The waiting processes of a worker, at most one a slot."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Channel, int | None]] = {}

    def keep(self, attempt: Attempt) -> None:
        """Keep the process of a trial that came to nothing."""
        self._waiting[attempt.slot.index] = (attempt.channel, attempt.pid)

    def send(self, slot: int, job: Job) -> tuple[Channel, int | None] | None:
        """Send a job to the process that waits in a slot and return its connection and id; None where there is none."""
        scout = self._waiting.pop(slot, None)
        if scout is not None:
            scout[0].send({"say": "job", "job": job.as_dict()})
        return scout

    def lose(self, pid: int | None) -> None:
        """Forget a process that has died."""
        for slot, (channel, waiting) in list(self._waiting.items()):
            if waiting == pid:
                del self._waiting[slot]
                channel.close()

    def close(self) -> None:
        """Let all of them go."""
        for channel, _ in self._waiting.values():
            channel.close()
        self._waiting.clear()
