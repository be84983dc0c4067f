"""The processes of one sweep, found by a variable in their environment and never by a name."""

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
    """Return the living processes that were started with this mark, by their id."""
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
    """Send a signal and return whether there was still a process to take it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signum)
        return True
    return False


def end_all(mark: str) -> None:
    """Kill the processes of this mark until there are none."""
    end = time.monotonic() + 60
    while (left := processes_of(mark)) and time.monotonic() < end:
        for pid in left:
            send(pid, signal.SIGKILL)
        time.sleep(0.05)


def leavers(mark: str, patience_s: float) -> list[Process]:
    """Wait until no process of this mark is left, and return those that are after the patience."""
    end = time.monotonic() + patience_s
    while (left := processes_of(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    return list(left.values())


@dataclass(frozen=True)
class Roles:
    """Who is who in a sweep; whoever began a trial is its process, its parent the template, whose
    parent is the worker.
    """

    head: list[int]
    worker: list[int]
    template: list[int]
    trial: list[int]


def roles(mark: str, heads: list[int], began: set[int]) -> Roles:
    """Return who is who.

    Args:
        mark: The sweep.
        heads: Processes that were started by hand.
        began: Processes that ever began a trial.
    """
    alive = processes_of(mark)
    trials = [pid for pid in alive if pid in began and pid not in heads]
    templates = {alive[pid].parent for pid in trials} & (alive.keys() - set(heads) - set(trials))
    workers = {alive[pid].parent for pid in templates} & alive.keys()
    return Roles([pid for pid in heads if pid in alive], sorted(workers), sorted(templates), trials)
