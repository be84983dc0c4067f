"""A toy Hydra application in a folder of its own, run as a user runs it, and the study that it leaves."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from hydra_plugins.study.search.attributes import kind_of
from hydra_plugins.study.search.journal import open_journal

HEAD = """
import os, sys, time, signal
import hydra
from pathlib import Path
from hydra_plugins.study import trial

def run(cfg):
{body}

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    return run(cfg)

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults:
  - _self_
  - optional sweeps: null
  - override hydra/sweeper: study
"""


class Toy:
    """An application whose task function has the given body and whose config holds the given keys."""

    def __init__(self, folder: Path, body: str, config: str, sweeper: str) -> None:
        self.folder = folder
        self.sweep = folder / "multirun" / "app"
        (folder / "conf").mkdir(parents=True)
        (folder / "app.py").write_text(HEAD.format(body=textwrap.indent(textwrap.dedent(body), "    ")))
        options = textwrap.indent(textwrap.dedent(sweeper), "    ")
        text = f"{CONFIG}\n{textwrap.dedent(config)}\nhydra:\n  sweeper:\n    view: lines\n{options}"
        (folder / "conf" / "config.yaml").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `python app.py -m ...` in a process group of its own."""
        environment = {**os.environ, "PYTHONWARNINGS": "default", "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "app.py", "-m", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, timeout: float = 120) -> str:
        """Run `python app.py -m ...` to its end and return what it printed."""
        process = self.start(*arguments)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"still running after {timeout} s:\n{process.communicate()[0]}") from None
        assert process.returncode == code, output
        return output

    def study(self, name: str = "app") -> optuna.Study:
        """Return the study as it stands."""
        return optuna.load_study(study_name=name, storage=open_journal(self.sweep / "study.journal"))

    def trials(self) -> list[FrozenTrial]:
        """Return the trials as they stand."""
        return self.study().trials

    def kinds(self) -> list[str]:
        """Return the kinds of the trials as they stand."""
        return [kind_of(trial) for trial in self.trials()]


MakeToy = Callable[..., Toy]


@pytest.fixture
def toy(tmp_path: Path) -> MakeToy:
    """Return a function that makes a toy application."""

    def make(body: str, config: str = "x: 0.0", sweeper: str = "") -> Toy:
        return Toy(tmp_path / f"toy{len(list(tmp_path.iterdir()))}", body, config, sweeper)

    return make


def wait_for(condition: Callable[[], bool], timeout: float = 30.0) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)
