"""Signs of life of the workers, and who of them is dead.

A worker holds a lock on a file as long as it or any process of its trials lives; on the same
machine that decides at once. For workers of other machines a counter in a second file must move;
its reader measures by its own clock, so the machines' clocks may differ.
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
    """Return a name of this boot of this machine."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()}/{boot}"


class Heartbeat:
    """The signs of life that one worker gives.

    Args:
        folder: Folder of the workers' files.
        worker: Name of the worker, never used before.
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
        """Write what the worker is doing."""
        self._count += 1
        said = {"machine": self._machine, "pid": os.getpid(), "count": self._count, **state}
        try:
            write_atomically(self._path, json.dumps(said), lasting=False)
        except OSError as error:
            if not self._has_failed:
                log.warning("a sign of life could not be written, the worker goes on: %s", error)
            self._has_failed = True
        else:
            self._has_failed = False

    def end(self) -> None:
        """Say that the worker is done and give the lock back."""
        self.beat({"done": True})
        os.close(self.lock)


@dataclass
class _Silence:
    """For how long a counter was seen to stand still; while its reader is paused, nobody looks,
    which counts for little.
    """

    count: int = -1
    seconds: float = 0.0
    looked: float = 0.0

    def look(self, count: int, longest: float) -> None:
        """Look at the counter."""
        now = time.monotonic()
        self.seconds = (
            self.seconds + min(now - self.looked, longest) if count == self.count else 0.0
        )
        self.count, self.looked = count, now


class LivenessMonitor:
    """Decides which workers are dead.

    Args:
        folder: Folder of the workers' files.
        stale_after: Seconds without a sign after which a worker of another machine counts as dead.
    """

    def __init__(self, folder: Path, stale_after: float) -> None:
        self._folder = folder
        self._stale_after = stale_after
        self._seen: dict[str, _Silence] = {}
        self._machine = this_machine()

    def is_dead(self, worker: str) -> bool:
        """Whether nothing of the worker lives any more."""
        said = self.state(worker)
        if said is None or said["machine"] == self._machine:
            return not is_held(self._folder / f"{worker}.lock")
        silence = self._seen.setdefault(worker, _Silence())
        silence.look(said["count"], self._stale_after / 2)
        return bool(said.get("done")) or silence.seconds > self._stale_after

    def state(self, worker: str) -> dict[str, Any] | None:
        """Return what the worker said last."""
        try:
            said = json.loads((self._folder / f"{worker}.json").read_text())
        except (OSError, ValueError):
            return None
        return dict(said)

    def living(self) -> dict[str, dict[str, Any]]:
        """Return the states of the workers that are at work."""
        names = sorted(path.stem for path in self._folder.glob("*.json"))
        states = {name: self.state(name) for name in names}
        return {
            name: said
            for name, said in states.items()
            if said and not said.get("done") and not self.is_dead(name)
        }
