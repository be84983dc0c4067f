"""One thread a test process, since the machine's cores are shared out among them; bytecode for all;
and train.py as a fixture.
"""

import atexit
import logging
import os
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from convsweep.patches.patch import VARIABLE

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
# the commands that are offered are the same under `uv run pytest`
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)

ROOT = Path(__file__).parents[1]
# Drawing takes half the time of a training as short as those of tests.
NO_PICTURES = [
    "callbacks.confusion_matrix=null",
    "callbacks.answer_figures=null",
    "callbacks.sample_predictions=null",
    "callbacks.sample_recordings=null",
]
QUICK = [
    "logger=none",
    "trainer=cpu",
    "model.net.width=4",
    "model.net.num_blocks=1",
    "trainer.max_epochs=1",
]

FRESH = "CONVSWEEP_FRESH_PROCESS"
PASSED_AFRESH = pytest.StashKey[set[Path]]()


if os.environ.get("PYTHONDONTWRITEBYTECODE"):
    # Hundreds of processes import torch, twice as fast from bytecode, which is written to a folder
    # that goes with the session.
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="bytecode")
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    atexit.register(shutil.rmtree, os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "fresh_process: forks, which torch refuses in a process that has used autograd's threads",
    )
    config.addinivalue_line(
        "markers", "both_modes: passes with the patches of other packages, and with none of them"
    )
    config.addinivalue_line(
        "markers", "long: of a file that takes more than some ten seconds, which begins early"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return twice as many test processes as there are cores, since tests wait for half of their
    time: for trials that sleep, servers that stop and processes that are to notice it. Three times
    as many took 17 minutes instead of 16 (two cores, one run each), since each imports all tests.
    """
    return 2 * len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, so that no process is at one of them when the others have ended."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that asks for it in a process of its own, or once more in one without patches."""
    if pyfuncitem.get_closest_marker("both_modes") is not None and VARIABLE not in os.environ:
        run_again(pyfuncitem, {VARIABLE: "none"}, pyfuncitem.nodeid)
    if pyfuncitem.get_closest_marker("fresh_process") is None or FRESH in os.environ:
        return None
    # One process for all such tests of a file, since its imports take longer than most of them.
    passed = pyfuncitem.config.stash.setdefault(PASSED_AFRESH, set())
    if pyfuncitem.path not in passed:
        run_again(pyfuncitem, {FRESH: "1"}, "-m", "fresh_process", str(pyfuncitem.path))
        passed.add(pyfuncitem.path)
    return True


def run_again(test: pytest.Function, variables: dict[str, str], *selection: str) -> None:
    """Run the selected tests in a process of their own, with these variables."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-p",
        "no:cacheprovider",
        *selection,
    ]
    done = subprocess.run(
        command,
        cwd=test.config.rootpath,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"with {variables}:\n{done.stdout}{done.stderr}"


@pytest.fixture(scope="session", autouse=True)
def temporary_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give the session a place for temporary files that goes with it: whatever is killed, and
    torchrun, leaves its own after.
    """
    tmp_path_factory.getbasetemp()  # stays where it is
    before = tempfile.tempdir
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="t", ignore_cleanup_errors=True) as folder,
    ):
        os.chmod(folder, 0o755)  # PostgreSQL runs as a user of its own
        patch.setenv("TMPDIR", folder)
        tempfile.tempdir = folder
        yield
        tempfile.tempdir = before


@pytest.fixture(autouse=True)
def closed_logs() -> Iterator[None]:
    """Close the log files of runs in this process: a later test would write into a folder that is
    gone, or be told of a file that was never closed.
    """
    yield
    named = [
        one for one in logging.root.manager.loggerDict.values() if isinstance(one, logging.Logger)
    ]
    for logger in (logging.root, *named):
        for handler in [one for one in logger.handlers if isinstance(one, logging.FileHandler)]:
            logger.removeHandler(handler)
            handler.close()


@pytest.fixture(autouse=True)
def forgotten_wandb() -> Iterator[None]:
    """End wandb's service of this process: it would hand one test's mode and account to the next
    test.
    """
    yield
    if "wandb" in sys.modules:
        from convsweep.tracking.wandb.run import forget_service

        forget_service()


Train = Callable[..., Path]


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a quick run of two epochs, which many tests read and none changes."""
    with pytest.MonkeyPatch.context() as patch:
        train = trainer_in(tmp_path_factory.mktemp("trained"), patch)
        return train("trainer.max_epochs=2", "objectives=[val/accuracy,macs]")


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run train.py in this process with overrides, `quick` ones and without `pictures` before them,
    and return the run folder.
    """
    return trainer_in(tmp_path, monkeypatch)


def trainer_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Return the function that the fixture `train` is, for a folder."""
    root = folder
    monkeypatch.chdir(root)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)

    def run(
        *overrides: str, quick: bool = True, pictures: bool = False, folder: str = "run"
    ) -> Path:
        first = [*QUICK, *([] if pictures else NO_PICTURES)] if quick else []
        arguments = [*first, *overrides]
        if not any(argument.startswith(("resume=", "hydra.run.dir=")) for argument in arguments):
            arguments.append(f"hydra.run.dir={folder}")
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        runpy.run_path(str(ROOT / "train.py"), run_name="__main__")
        return root / folder

    return run
