"""What killed processes leave half-written: a file `.name.PID` beside the one that it was to
replace.
"""

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
    """Remove what nobody will finish: of trials that were killed, and the signs of life of dead
    workers.

    Args:
        paths: Where the sweep keeps its files.
        trials: The trials of its study.
        watch: Says which workers are dead.
    """
    killed = {trial.number for trial in trials if kind_of(trial) == "killed"}
    for path, _ in (found for number in killed for found in unfinished_files(paths.trial(number))):
        path.unlink(missing_ok=True)
    for path, name in unfinished_files(paths.folder):
        # it was looking whether there was room for its folder
        if name.isdecimal() and int(name) in killed:
            path.unlink(missing_ok=True)
    for path, name in unfinished_files(paths.workers):
        if watch.is_dead(name.removesuffix(".json")):
            path.unlink(missing_ok=True)


def remove_unfinished(path: Path) -> None:
    """Remove what was to replace a file; hold the lock under which it is written."""
    for other, name in unfinished_files(path.parent):
        if name == path.name:
            other.unlink(missing_ok=True)


def unfinished_files(folder: Path) -> list[tuple[Path, str]]:
    """Return the unfinished files of a folder, each with the name of the one that it was to
    replace.
    """
    if not folder.is_dir():
        return []
    found = [(path, _UNFINISHED.fullmatch(path.name)) for path in folder.glob(".*")]
    return [(path, match[1]) for path, match in found if match]
