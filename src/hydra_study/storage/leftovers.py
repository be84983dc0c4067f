"""Remove files that killed processes left half-written: `.name.PID` beside `name`."""

import re
from collections.abc import Iterable
from pathlib import Path

from optuna.trial import FrozenTrial

from hydra_study.attributes import kind_of
from hydra_study.paths import SweepPaths
from hydra_study.storage.heartbeat import LivenessMonitor

_UNFINISHED = re.compile(r"\.(.+)\.\d+")


def remove_leftovers(
    paths: SweepPaths, trials: Iterable[FrozenTrial], watch: LivenessMonitor
) -> None:
    """Remove the unfinished files of killed trials and of dead workers' heartbeats.

    Args:
        paths: Paths of the sweep's files.
        trials: The trials of its study.
        watch: Decides which workers are dead.
    """
    killed = {trial.number for trial in trials if kind_of(trial) == "killed"}
    for path, _ in (found for number in killed for found in unfinished_files(paths.trial(number))):
        path.unlink(missing_ok=True)
    for path, name in unfinished_files(paths.folder):
        # the trial was checking whether the disk has room (`_wait_for_room`)
        if name.isdecimal() and int(name) in killed:
            path.unlink(missing_ok=True)
    for path, name in unfinished_files(paths.workers):
        if watch.is_dead(name.removesuffix(".json")):
            path.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove unfinished replacements of a file; the caller holds the lock for writing it."""
    for other, name in unfinished_files(path.parent):
        if name == path.name:
            other.unlink(missing_ok=True)


def unfinished_files(folder: Path) -> list[tuple[Path, str]]:
    """Return the unfinished files of a folder, each with the name of the file it would replace."""
    if not folder.is_dir():
        return []
    found = [(path, _UNFINISHED.fullmatch(path.name)) for path in folder.glob(".*")]
    return [(path, match[1]) for path, match in found if match]
