"""Patches of Lightning: observer of processes, checks for SIGTERM."""

import importlib
import subprocess
from collections.abc import Callable
from typing import Any

from convsweep.patches.patch import Patch, resolve, takes

LAUNCHER = "lightning.pytorch.strategies.launchers.subprocess_script"
LOOP = "lightning.pytorch.loops.training_epoch_loop:_TrainingEpochLoop"
TESTED = {"lightning": ">=2.6,<2.7"}


def watch_processes(begin: Callable[[list[subprocess.Popen[bytes]]], None]) -> None:
    """Call `begin` with the processes that Lightning started, instead of its own observer."""
    launcher: Any = importlib.import_module(LAUNCHER)
    launcher._launch_process_observer = begin


def ask_no_more() -> None:
    """Disable Lightning's check for SIGTERM, which `convsweep.distributed.sigterm` replaces."""
    resolve(LOOP)._broadcast_sigterm_tensor = lambda loop: None


LOST_RANK = Patch(
    name="lightning_lost_rank",
    what="Watches the processes that a training has started, in place of Lightning's observer",
    why="bug",
    reason=(
        "Lightning's observer kills the first process when another one dies: no message, no result,"
        " no record of the reason"
    ),
    tested=TESTED,
    check=lambda: takes(f"{LAUNCHER}:_launch_process_observer", "child_processes"),
    apply=watch_processes,
    without=(
        "Lightning kills the first process when another one dies; a sweep counts the trial as"
        " killed"
    ),
)

RARE_SIGTERM = Patch(
    name="lightning_rare_sigterm",
    what=("Leaves out the broadcast by which several processes check for SIGTERM before each step"),
    why="speed",
    reason=(
        "all processes wait for it, and for their devices; a callback of ours checks about once a"
        " second"
    ),
    tested=TESTED,
    check=lambda: takes(f"{LOOP}._broadcast_sigterm_tensor", "self"),
    apply=ask_no_more,
    without="each step waits for one more broadcast",
)

PATCHES = (LOST_RANK, RARE_SIGTERM)
