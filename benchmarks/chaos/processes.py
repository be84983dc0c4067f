"""Find the processes of one sweep by an environment variable, never by name."""

import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

MARK = "CHAOS_SWEEP"


@dataclass(frozen=True)
class Process:
    """A process as `/proc` shows it."""

    pid: int
    parent: int
    session: int
    command: str


def processes_of(mark: str) -> dict[int, Process]:
    """Return the running processes with this mark, by id."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if wanted not in (entry / "environ").read_bytes().split(b"\0"):
                continue
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(entry.name)] = Process(
                int(entry.name), int(fields[1]), int(fields[3]), command.strip()
            )
    return found


def send(pid: int, signum: int) -> bool:
    """Send a signal and return whether the process existed."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def end_all(mark: str) -> None:
    """Kill all processes with this mark."""
    end = time.monotonic() + 60
    while (left := processes_of(mark)) and time.monotonic() < end:
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.05)


def wait_for_end(mark: str, patience_s: float) -> list[Process]:
    """Wait until no process with this mark is left; return those that are after `patience_s`."""
    end = time.monotonic() + patience_s
    while (left := processes_of(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    return list(left.values())


@dataclass(frozen=True)
class Roles:
    """The processes of a sweep by role: a trial's parent is the fork server, whose parent is the
    worker.
    """

    head: list[int]
    worker: list[int]
    fork_server: list[int]
    trial: list[int]


def roles(mark: str, heads: list[int], began: set[int]) -> Roles:
    """Return the processes of a sweep by role.

    Args:
        mark: The sweep.
        heads: Processes of the command line.
        began: Processes that have started a trial.
    """
    alive = processes_of(mark)
    trials = [pid for pid in alive if pid in began and pid not in heads]
    fork_servers = {alive[pid].parent for pid in trials} & (alive.keys() - set(heads) - set(trials))
    workers = {alive[pid].parent for pid in fork_servers} & alive.keys()
    return Roles(
        [pid for pid in heads if pid in alive], sorted(workers), sorted(fork_servers), trials
    )
