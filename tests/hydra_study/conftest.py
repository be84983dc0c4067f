"""A toy Hydra application in a folder of its own, run as a user runs it, and the study that it
leaves.
"""

import contextlib
import io
import logging
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from hydra_study.attributes import kind_of
from hydra_study.storage.journal import open_journal

from .postgresql import database, postgresql

__all__ = ["database", "postgresql"]

HEAD = """
import os, sys, time, signal
import hydra
from pathlib import Path
from hydra_study import trial

def save(path, text):
    # whole or not at all: a signal between opening and writing would leave an empty checkpoint
    path.with_suffix(".next").write_text(text)
    path.with_suffix(".next").replace(path)

def run(cfg):
{body}

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    return run(cfg)

if __name__ == "__main__":
    main()
"""
# Seconds after which something is taken to hang, on a busy machine too.
PATIENCE_S = 240.0
CONFIG = """
defaults:
  - _self_
  - optional sweeps: null
  - override hydra/sweeper: study
"""


class Toy:
    """An application whose task function has the given body and whose config holds the given
    keys.
    """

    def __init__(self, folder: Path, body: str, config: str, sweeper: str) -> None:
        self.folder = folder
        self.sweep = folder / "multirun" / "app"
        self.started: list[subprocess.Popen[str]] = []
        (folder / "conf").mkdir(parents=True)
        (folder / "app.py").write_text(
            HEAD.format(body=textwrap.indent(textwrap.dedent(body), "    "))
        )
        options = textwrap.indent(textwrap.dedent(sweeper), "    ")
        text = (
            f"{CONFIG}\n{textwrap.dedent(config)}\nhydra:\n  sweeper:\n    view: lines\n{options}"
        )
        (folder / "conf" / "config.yaml").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python app.py -m ...` in a process group of its own."""
        environment = {**os.environ, "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "app.py", "-m", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def close(self) -> None:
        """End what still runs in this folder, also where it left the process group, and close what
        it wrote to.
        """
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        end_processes_in(self.folder)
        for process in self.started:
            process.wait(timeout=60)
            if process.stdout is not None:
                process.stdout.close()

    def run(self, *arguments: str, code: int = 0, timeout: float = PATIENCE_S) -> str:
        """Run `python app.py -m ...` to its end and return what it printed."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(
                f"still running after {timeout} s:\n{process.communicate()[0]}"
            ) from None
        assert process.returncode == code, output
        return output

    def run_in_process(self, *arguments: str, code: int = 0) -> str:
        """Run `python app.py -m ...` in this process, where its imports are done, and return what
        it and its trials, which are processes as ever, printed.
        """
        root = logging.getLogger()
        handlers, level = [*root.handlers], root.level
        hangs = threading.Timer(PATIENCE_S, os.kill, (os.getpid(), signal.SIGINT))
        hangs.start()
        with (
            pytest.MonkeyPatch.context() as patch,
            warnings.catch_warnings(),
            printed_output() as printed,
        ):
            warnings.simplefilter("default")
            patch.chdir(self.folder)
            patch.syspath_prepend(self.folder)
            patch.delenv("HYDRA_FULL_ERROR", raising=False)
            patch.setenv("PYTHONWARNINGS", "default")
            patch.setattr(sys, "argv", ["app.py", "-m", *arguments])
            try:
                runpy.run_path("app.py", run_name="__main__")
                ended: object = 0
            except SystemExit as end:
                ended = end.code
            finally:
                hangs.cancel()
                root.handlers[:] = handlers
                root.setLevel(level)
                forget_modules_in(self.folder)
        output = printed.getvalue()
        assert ended == code, output
        return output

    def refuse(self, *arguments: str) -> str:
        """Run `python app.py -m ...` in this process, which a mistake must end before any trial,
        and return what it printed.
        """
        return self.run_in_process(*arguments, code=1)

    def study(self, name: str = "app") -> optuna.Study:
        """Return the study as it stands."""
        return optuna.load_study(
            study_name=name, storage=open_journal(self.sweep / "study.journal")
        )

    def trials(self) -> list[FrozenTrial]:
        """Return the trials as they stand."""
        return self.study().trials

    def kinds(self) -> list[str]:
        """Return the kinds of the trials as they stand."""
        return [kind_of(trial) for trial in self.trials()]


MakeToy = Callable[..., Toy]


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[MakeToy]:
    """Return a function that makes a toy application; what is left of it at the end of a test is
    ended.
    """
    toys: list[Toy] = []

    def make(body: str, config: str = "x: 0.0", sweeper: str = "") -> Toy:
        toys.append(Toy(tmp_path / f"toy{len(list(tmp_path.iterdir()))}", body, config, sweeper))
        return toys[-1]

    yield make
    for each in toys:
        each.close()


@contextlib.contextmanager
def printed_output() -> Iterator[io.StringIO]:
    """Collect what this process and those that it starts print."""
    printed = io.StringIO()
    kept = {number: os.dup(number) for number in (1, 2)}
    with tempfile.TemporaryFile("w+", buffering=1) as file:
        for number in kept:
            os.dup2(file.fileno(), number)
        try:
            with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
                yield printed
        finally:
            for number, descriptor in kept.items():
                os.dup2(descriptor, number)
                os.close(descriptor)
            file.seek(0)
            printed.write(file.read())


def forget_modules_in(folder: Path) -> None:
    """Let the next import of a module of the folder find another one by that name."""
    for name, module in [*sys.modules.items()]:
        if Path(getattr(module, "__file__", None) or "/").is_relative_to(folder):
            del sys.modules[name]


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory is the folder or lies in it."""
    inside = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            place = (entry / "cwd").resolve(strict=True)
        except OSError:
            continue
        if place.is_relative_to(folder) and int(entry.name) != os.getpid():
            inside.append(int(entry.name))
    return inside


def end_processes_in(folder: Path) -> None:
    """Kill the processes of a folder, until there are none."""
    end = time.monotonic() + 30
    while (left := processes_in(folder)) and time.monotonic() < end:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def wait_for(condition: Callable[[], bool], timeout: float = PATIENCE_S) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
