"""Heartbeats of workers, and the decision which workers are dead.

A worker and the processes of its trials hold a lock on a file; on the same machine the lock tells
at once whether any of them lives. For workers of other machines a counter in a second file must
increase; its reader measures with its own clock, so the machines' clocks may differ.
"""

import json
import logging
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra_study.storage.locks import is_held, try_lock, write_atomically

log = logging.getLogger(__name__)


def this_machine() -> str:
    """Return a name of this machine that changes with every boot."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


class Heartbeat:
    """The heartbeat of one worker.

    Args:
        folder: Folder of the workers' files.
        worker: Unique name of the worker.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        self.worker = worker
        self._path = folder / f"{worker}.json"
        lock = try_lock(folder / f"{worker}.lock")
        assert lock is not None, worker
        self.lock = lock
        self._count = 0
        self._has_failed = False
        self._machine = this_machine()
        self.beat({})

    def beat(self, state: dict[str, Any]) -> None:
        """Increase the counter and write it with the worker's state."""
        self._count += 1
        content = {"machine": self._machine, "pid": os.getpid(), "count": self._count, **state}
        try:
            write_atomically(self._path, json.dumps(content), lasting=False)
        except OSError as error:
            if not self._has_failed:
                log.warning("the heartbeat could not be written, the worker continues: %s", error)
            self._has_failed = True
        else:
            self._has_failed = False

    def end(self) -> None:
        """Mark the worker as done and release the lock."""
        self.beat({"done": True})
        os.close(self.lock)


@dataclass
class _Silence:
    """How long a counter has not changed, without the time in which its reader was paused."""

    count: int = -1
    seconds: float = 0.0
    looked: float = 0.0

    def look(self, count: int, longest: float) -> None:
        """Update with the counter's present value; at most `longest` seconds are added."""
        now = time.monotonic()
        self.seconds = (
            self.seconds + min(now - self.looked, longest) if count == self.count else 0.0
        )
        self.count, self.looked = count, now


class LivenessMonitor:
    """Decides which workers are dead.

    Args:
        folder: Folder of the workers' files.
        stale_after: Seconds without a heartbeat after which a worker of another machine is dead.
    """

    def __init__(self, folder: Path, stale_after: float) -> None:
        self._folder = folder
        self._stale_after = stale_after
        self._seen: dict[str, _Silence] = {}
        self._machine = this_machine()

    def is_dead(self, worker: str) -> bool:
        """Return whether the worker and all processes of its trials are dead."""
        last = self.state(worker)
        if last is None or last["machine"] == self._machine:
            return not is_held(self._folder / f"{worker}.lock")
        silence = self._seen.setdefault(worker, _Silence())
        silence.look(last["count"], self._stale_after / 2)
        return bool(last.get("done")) or silence.seconds > self._stale_after

    def state(self, worker: str) -> dict[str, Any] | None:
        """Return the last state that the worker wrote, or None."""
        try:
            last = json.loads((self._folder / f"{worker}.json").read_text())
        except (OSError, ValueError):
            return None
        return dict(last)

    def living_workers(self) -> dict[str, dict[str, Any]]:
        """Return the states of the running workers, by name."""
        names = sorted(path.stem for path in self._folder.glob("*.json"))
        states = {name: self.state(name) for name in names}
        return {
            name: last
            for name, last in states.items()
            if last and not last.get("done") and not self.is_dead(name)
        }
