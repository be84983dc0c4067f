"""Run `hydra.sweeper.observer` in a process of its own, where it cannot slow down the sweep."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra_study.processes.temporary_folder import TemporaryFolder
from hydra_study.processes.trial_process import THREAD_VARIABLES
from hydra_study.sweep_spec import SweepSpec

log = logging.getLogger("study")

_PATIENCE_S = 20.0


@contextmanager
def observe(spec: SweepSpec) -> Iterator[None]:
    """Run `python -m <hydra.sweeper.observer> <folder> --follow` while the block runs.

    At the end it reads from standard input how the block ended: `complete`, `killed`, `error`, or
    nothing if this process was killed. It is waited for `_PATIENCE_S` seconds, and never killed.
    """
    temporary = TemporaryFolder()
    process = _start(spec, temporary)
    word = "error"
    try:
        yield
        word = "complete"
    except (SystemExit, KeyboardInterrupt):
        word = "killed"
        raise
    finally:
        try:
            if process is not None:
                _end(process, word)
        finally:
            temporary.remove()


def _start(spec: SweepSpec, temporary: TemporaryFolder) -> subprocess.Popen[str] | None:
    if spec.options.observer is None:
        return None
    command = [sys.executable, "-m", spec.options.observer, str(spec.folder), "--follow"]
    environment = {
        **os.environ,
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "TMPDIR": str(temporary.path),
    }
    try:
        with (spec.paths.own / "observer.log").open("a") as output:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=[temporary.lock],
                start_new_session=True,  # Ctrl-C is for the sweep
                text=True,
            )
    except OSError as error:
        log.warning("the sweep runs without its observer %s: %s", spec.options.observer, error)
        return None


def _end(process: subprocess.Popen[str], word: str) -> None:
    try:
        process.communicate(f"{word}\n", timeout=_PATIENCE_S)
    except (OSError, subprocess.TimeoutExpired):
        pass
    finally:
        if process.returncode is None:
            process.returncode = 0  # it may finish later; Popen must not warn that it still runs
