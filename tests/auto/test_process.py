"""A stage's process is followed and ended; one that outlived its start is found by its lock."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convsweep.auto import process
from convsweep.auto.process import (
    STAGE_LOCK,
    InterruptedStageError,
    alone,
    end_earlier_process,
    run_process,
)
from convsweep.cli.next_commands import NO_NEXT
from convsweep.errors import UserError
from hydra_study import try_lock

# Seconds after which something is taken to hang, on a busy machine too.
PATIENCE_S = 240.0
WAITS = "import signal, time; {}; print('up', flush=True); time.sleep(600)"


@contextmanager
def earlier(folder: Path, before: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """Start a process that holds the lock of a stage, as one that outlived its start."""
    held = try_lock(folder / STAGE_LOCK)
    assert held is not None
    command = [sys.executable, "-c", WAITS.format(before or "pass")]
    with subprocess.Popen(command, pass_fds=[held], stdout=subprocess.PIPE) as one:
        os.close(held)
        assert one.stdout is not None
        one.stdout.readline()
        try:
            yield one
        finally:
            one.kill()


def test_a_process_runs_and_says_its_code(tmp_path: Path) -> None:
    began: list[int] = []
    assert run_process(["--version"], tmp_path, began.append, lambda: None) == 0
    assert len(began) == 1
    assert run_process(["predcit"], tmp_path, began.append, lambda: None) == 2
    end_earlier_process(tmp_path, None, lambda text: None)


def test_a_signal_is_passed_on(tmp_path: Path) -> None:
    def begin(pid: int) -> None:  # later it may have ended
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(InterruptedStageError) as stopped:
        run_process(["train", "--help"], tmp_path, begin, lambda: None)
    assert stopped.value.args == (signal.SIGTERM,)
    assert signal.getsignal(signal.SIGTERM) is before


COUNTS_SIGNALS = """#!{python}
import os, pathlib, signal, sys, time

own = pathlib.Path(__file__).parent
(own / "next").write_text(os.environ["CONVSWEEP_NEXT"])
signal.signal(signal.SIGINT, lambda *_: (own / "signals").open("a").write("one\\n"))
(own / "pid").write_text(str(os.getpid()))
(own / "up").touch()
for _ in range(200):
    time.sleep(0.1)
    if (own / "signals").exists():
        time.sleep(1)  # for a second one
        sys.exit(130)
"""
RUNS_A_STAGE = """
import sys
from pathlib import Path
from convsweep.auto.process import InterruptedStageError, run_process

own = Path(sys.argv[1])
sys.executable = str(own / "stage")
try:
    run_process([], own, lambda pid: None, lambda: None)
except InterruptedStageError as error:
    sys.exit(error.args[0])
"""


@pytest.mark.parametrize("send", [os.kill, os.killpg])
def test_ctrl_c_reaches_the_stage_once(tmp_path: Path, send: Callable[[int, int], None]) -> None:
    stage = tmp_path / "stage"
    stage.write_text(COUNTS_SIGNALS.format(python=sys.executable))
    stage.chmod(0o755)
    command = [sys.executable, "-c", RUNS_A_STAGE, str(tmp_path)]
    with subprocess.Popen(command, start_new_session=True) as head:
        since = time.monotonic()
        while not (tmp_path / "up").exists():
            assert head.poll() is None
            assert time.monotonic() - since < PATIENCE_S
            time.sleep(0.05)
        send(head.pid, signal.SIGINT)
        assert head.wait(PATIENCE_S) == signal.SIGINT
    assert (tmp_path / "signals").read_text() == "one\n"
    assert (tmp_path / "next").read_text() == NO_NEXT, "which leaves out the next commands"


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.skipif(sys.platform != "linux", reason="reads states of processes in /proc")
def test_the_stage_stops_and_continues_with_its_command(tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    stage.write_text(COUNTS_SIGNALS.format(python=sys.executable))
    stage.chmod(0o755)
    command = [sys.executable, "-c", RUNS_A_STAGE, str(tmp_path)]
    with subprocess.Popen(command, process_group=0) as head:

        def wait_until(is_so: Callable[[], bool]) -> None:
            since = time.monotonic()
            while not is_so():
                assert head.poll() is None
                assert time.monotonic() - since < PATIENCE_S
                time.sleep(0.05)

        wait_until((tmp_path / "up").exists)
        both = [head.pid, int((tmp_path / "pid").read_text())]
        for _ in range(2):
            os.kill(head.pid, signal.SIGTSTP)
            wait_until(lambda: all(map(is_stopped, both)))
            os.kill(head.pid, signal.SIGCONT)
            wait_until(lambda: not any(map(is_stopped, both)))
        os.kill(head.pid, signal.SIGINT)
        assert head.wait(PATIENCE_S) == signal.SIGINT


@pytest.mark.parametrize("before", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_an_earlier_process_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.3)
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        # of the time until the process is given up, not of that until it is killed
        monkeypatch.setattr(process, "GRACE_S", PATIENCE_S)

    with earlier(tmp_path, before) as one:
        end_earlier_process(tmp_path, one.pid, say)
        assert one.wait(PATIENCE_S) == -(signal.SIGKILL if before else signal.SIGTERM)
    assert said == [
        f"ending process {one.pid} of an earlier start, which still works on this folder"
    ]


def test_an_unknown_process_is_not_waited_for(tmp_path: Path) -> None:
    with earlier(tmp_path), pytest.raises(UserError, match="a process of an earlier start"):
        end_earlier_process(tmp_path, None, lambda text: None)


def test_two_commands_on_one_folder(tmp_path: Path) -> None:
    with (
        alone(tmp_path),
        pytest.raises(UserError, match="another one is at work"),
        alone(tmp_path),
    ):
        pass
