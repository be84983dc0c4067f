"""Processes between two trials: each waits for the next one of its slot, which saves a fork, an exit, and what was learnt."""

from .attempt import Attempt
from .messages import Channel
from .recipe import Job


class Between:
    """The waiting processes of a worker, at most one a slot, and those that were let go and have not gone yet."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[Channel, int | None]] = {}
        self.leaving: set[int] = set()

    def keep(self, attempt: Attempt) -> None:
        """Keep the process of a trial that has ended; one that was asked to close meanwhile goes."""
        if attempt.close_reason:
            self._let_go(attempt.channel, attempt.pid)
        else:
            self._waiting[attempt.slot.index] = (attempt.channel, attempt.pid)

    def send(self, slot: int, job: Job) -> tuple[Channel, int | None] | None:
        """Send a job to the process that waits in a slot and return its connection and id; None where there is none."""
        waiting = self._waiting.pop(slot, None)
        if waiting is not None:
            waiting[0].send({"say": "job", "job": job.as_dict()})
        return waiting

    def lose(self, pid: int | None) -> None:
        """Forget a process that has died."""
        if pid is not None:
            self.leaving.discard(pid)
        for slot, (channel, waiting) in list(self._waiting.items()):
            if waiting == pid:
                del self._waiting[slot]
                channel.close()

    def close(self) -> None:
        """Let all of them go."""
        for channel, pid in self._waiting.values():
            self._let_go(channel, pid)
        self._waiting.clear()

    def _let_go(self, channel: Channel, pid: int | None) -> None:
        channel.close()
        if pid is not None:
            self.leaving.add(pid)
