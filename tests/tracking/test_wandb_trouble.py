"""Whatever is wrong with W&B, the training runs to its end, is not held up, and one line says what
was wrong.
"""

import gc
import json
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fitting import fit, track
from wandb_server import WandbServer

from convsweep.errors import UserError
from convsweep.tracking import read_metrics, read_run_file
from convsweep.tracking.wandb.run import service_processes, upload_command

pytestmark = pytest.mark.long

# What is waited for without end is never there by then; what is not is there, on a busy machine
# too.
PATIENCE_S = 120.0


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """What tracking said, one entry a line; complete when the test asks."""

    class Lines(list[str]):
        def __iter__(self) -> Iterator[str]:
            return iter([r.getMessage() for r in caplog.records if r.name.startswith("convsweep")])

    with caplog.at_level(logging.INFO, logger="convsweep"):
        yield Lines()


def wandb_command(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "wandb", *arguments]
    done = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def offline_records(folder: Path) -> list[dict[str, Any]]:
    """Return what wandb's own reader finds in the run of a folder."""
    run = read_run_file(folder)
    path = folder / run["dir"] / f"run-{run['id']}.wandb"
    return [
        json.loads(line)
        for line in wandb_command("leet", "inspect", "--json", str(path)).splitlines()
    ]


def core_process() -> int:
    """Return the id of the wandb-core process that this process started last."""
    (process,) = service_processes()
    return process


def wait_for_end(process: int) -> None:
    """Wait until a child process has ended, and leave it as it is."""
    deadline = time.monotonic() + PATIENCE_S
    while (
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None
        and time.monotonic() < deadline
    ):
        time.sleep(0.01)


def test_not_logged_in_is_offline_with_everything_on_disk(folder: Path, said: list[str]) -> None:
    with track(folder, group="a_study") as tracker:
        fit(tracker, max_epochs=2)
    (line,) = said
    assert line.startswith(
        "W&B: offline (not logged in; `wandb login` changes that); to upload: wandb sync "
    )
    records = offline_records(folder)
    history = [record["history"]["item"] for record in records if record["type"] == "history"]
    (run,) = (record["run"] for record in records if record["type"] == "run")
    (end,) = (record["exit"] for record in records if record["type"] == "exit")
    assert [row["epoch"] for row in history if "val/loss" in row] == [0, 1]
    assert run["config"]["update"]["model"] == {"_target_": "a.Model", "net": {"depth": 3}}
    assert run["run_group"] == "a_study"
    assert end.get("exit_code", 0) == 0


def test_failed_offline_run_is_failed_on_disk(folder: Path) -> None:
    tracker = track(folder)
    tracker.log_summary({"a": 1})
    tracker.close("error")
    (end,) = (record["exit"] for record in offline_records(folder) if record["type"] == "exit")
    assert end["exit_code"] == 1


def test_two_offline_segments_synced_later_are_one_run_of_its_group(
    folder: Path, tmp_path: Path
) -> None:
    with track(folder, group="a_study") as tracker:
        fit(tracker, max_epochs=2).save_checkpoint(tmp_path / "last.ckpt")
    first = folder / read_run_file(folder)["dir"]
    time.sleep(1)  # wandb names the folder by the second
    with track(folder, resume_from=folder, group="a_study") as tracker:
        fit(tracker, max_epochs=4, ckpt_path=tmp_path / "last.ckpt")
    second = folder / read_run_file(folder)["dir"]
    command = shlex.split(upload_command(folder, read_run_file(folder)))
    assert command == ["wandb", "sync", str(first), str(second)]
    with WandbServer() as server:
        wandb_command(*command[1:], WANDB_BASE_URL=server.url, WANDB_API_KEY="0" * 40)
        assert (server.run.group, server.run.state) == ("a_study", "finished")
        assert [row["epoch"] for row in server.run.history if "val/loss" in row] == [0, 1, 2, 3]


@pytest.mark.parametrize("word", ["offline", "disabled"])
def test_wandb_mode_is_respected_when_logged_in(
    server: WandbServer, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setenv("WANDB_MODE", word)
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
    assert server.runs == {}
    assert (folder / "wandb").exists() == (word == "offline")
    (line,) = said
    assert "WANDB_MODE" in line


def test_mode_of_the_config_is_respected_when_logged_in(server: WandbServer, folder: Path) -> None:
    with track(folder, mode="offline") as tracker:
        fit(tracker, max_epochs=1)
    assert server.runs == {}
    assert read_run_file(folder)["mode"] == "offline"


def test_absent_server_means_offline_at_once(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    started = time.monotonic()
    with track(folder, init_timeout_s=10 * PATIENCE_S) as tracker:
        fit(tracker, max_epochs=1)
    assert time.monotonic() - started < PATIENCE_S
    (line,) = said
    assert "http://127.0.0.1:9 does not answer" in line
    assert read_run_file(folder)["mode"] == "offline"


def test_server_that_never_answers_means_offline_after_the_timeout(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        with track(folder, init_timeout_s=1) as tracker:
            fit(tracker, max_epochs=1)
    (line,) = said
    assert line.startswith("W&B: offline (")
    assert read_run_file(folder)["mode"] == "offline"


def test_wrong_key_means_offline(
    server: WandbServer, folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "short")
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
    (line,) = said
    assert line.startswith("W&B: offline (the login is not valid: ")


def test_server_that_dies_costs_no_more_than_the_timeout_and_no_row(
    server: WandbServer, folder: Path, said: list[str]
) -> None:
    with track(folder, finish_timeout_s=1) as tracker:
        tracker.begin()
        server.stop()
        fit(tracker, max_epochs=3)
        started = time.monotonic()
    assert time.monotonic() - started < PATIENCE_S
    assert list(said)[1].startswith(
        "W&B: the upload was not finished in time; for the rest: wandb sync --no-skip-online "
    )
    with WandbServer() as successor:
        segment = folder / read_run_file(folder)["dir"]
        wandb_command(
            "sync",
            "--no-skip-online",
            str(segment),
            WANDB_BASE_URL=successor.url,
            WANDB_API_KEY="0" * 40,
        )
        assert successor.run.values("epoch")[-1] == 2
        assert len(successor.run.values("val/loss")) == 3


def forget(pid: int) -> None:
    """Give wandb's object of a process that was waited for its exit code: it does not know it, and
    would warn in whichever test collects it.
    """
    for found in gc.get_objects():
        if type(found) is subprocess.Popen and found.pid == pid:
            found.returncode = -signal.SIGKILL


@pytest.mark.filterwarnings(
    "ignore:subprocess .* is still running:ResourceWarning"
)  # wandb does not wait for it; we do
def test_wandb_process_that_dies_takes_neither_this_run_nor_the_next_with_it(
    server: WandbServer, folder: Path, tmp_path: Path, said: list[str]
) -> None:
    with track(folder) as tracker:
        tracker.begin()
        core = core_process()
        os.kill(core, signal.SIGKILL)
        wait_for_end(core)
        fit(tracker, max_epochs=2)
    with pytest.raises(ProcessLookupError):
        os.kill(core, 0)  # it is waited for: no zombie is left
    forget(core)
    assert len(read_metrics(folder / "metrics.csv")) == 2
    assert [line for line in said if "failed" in line] == [list(said)[1]]
    with track(tmp_path / "next") as tracker:
        fit(tracker, max_epochs=2)
    assert len(server.runs[read_run_file(tmp_path / "next")["id"]].values("val/loss")) == 2


@pytest.mark.filterwarnings(
    "ignore:subprocess .* is still running:ResourceWarning"
)  # wandb does not wait for it; we do
def test_wandb_process_that_hangs_is_not_waited_for(
    server: WandbServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("convsweep.tracking.wandb.run.STUCK_AFTER_S", 0.5)
    with track(folder, finish_timeout_s=0.5) as tracker:
        tracker.begin()
        core = core_process()
        os.kill(core, signal.SIGSTOP)
        fit(tracker, max_epochs=1)
        started = time.monotonic()
    assert time.monotonic() - started < PATIENCE_S
    with pytest.raises(ProcessLookupError):
        os.kill(core, 0)
    forget(core)


def test_to_look_for_the_process_of_wandb_starts_none() -> None:
    assert service_processes() == []
    assert service_processes() == []


def test_missing_wandb_is_said_and_done_without(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    monkeypatch.setitem(sys.modules, "wandb", None)
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    assert list(said) == ["W&B: none (wandb is not installed)"]
    assert tracker.record is None
    assert len(read_metrics(folder / "metrics.csv")) == 1


def test_a_run_that_goes_on_in_another_folder_names_the_parts_of_both(tmp_path: Path) -> None:
    first, second = tmp_path / "first of two", tmp_path / "deeper" / "second"
    for folder, former in ((first, None), (second, first)):
        with track(folder, resume_from=former) as tracker:
            tracker.begin()
    assert read_run_file(first)["id"] == read_run_file(second)["id"]
    (one,), (two,) = first.glob("wandb/offline-run-*"), second.glob("wandb/offline-run-*")
    assert shlex.split(upload_command(second, read_run_file(second))) == [
        "wandb",
        "sync",
        str(one),
        str(two),
    ]


def test_a_misspelt_option_is_answered_by_the_nearest_one(folder: Path) -> None:
    with pytest.raises(
        UserError, match="logger has no option 'init_timout_s'; did you mean 'init_timeout_s'"
    ):
        track(folder, init_timout_s=5)
    with pytest.raises(
        UserError, match=r"logger\.log_model must be one of none, best, all, but is 'bst'"
    ):
        track(folder, log_model="bst")


def test_broken_wandb_is_said_and_done_without(
    folder: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: Any) -> None:
        raise OSError("no space left on device\n(and more)")

    monkeypatch.setattr("wandb.init", fail)
    with track(folder) as tracker:
        fit(tracker, max_epochs=1)
    assert list(said) == [
        "W&B failed (OSError: no space left on device); the run continues without it."
    ]
    assert len(read_metrics(folder / "metrics.csv")) == 1


def test_what_cannot_be_logged_is_said_once_and_the_rest_is_logged(
    server: WandbServer, folder: Path, said: list[str]
) -> None:
    def fail() -> dict[str, Any]:
        raise RuntimeError("no such picture")

    with track(folder) as tracker:
        assert tracker.wandb is not None
        for epoch in range(3):
            tracker.wandb.log_media(fail, epoch)
        fit(tracker, max_epochs=3)
    assert list(said)[1:] == ["W&B: not all was logged (RuntimeError: no such picture)"]
    assert len(server.run.values("val/loss")) == 3
    assert server.run.state == "finished"


def test_what_callbacks_ask_of_a_run_that_is_not_there_is_ignored(folder: Path) -> None:
    with track(folder, mode="disabled") as tracker:
        assert tracker.wandb is not None
        tracker.wandb.experiment.log({"a": 1})
        tracker.wandb.experiment.summary.update({"a": 1})
        tracker.wandb.experiment.summary["a"] = 1
        assert not tracker.wandb.is_active
    assert list(folder.glob("wandb*")) == []


def test_no_logger_still_writes_metrics(folder: Path) -> None:
    from fitting import LOGGER
    from omegaconf import OmegaConf

    from convsweep.tracking import open_tracker

    for name in ("csv", "none"):
        config: Any = OmegaConf.load(LOGGER.with_name(f"{name}.yaml"))
        with open_tracker(config, folder / name) as tracker:
            fit(tracker, max_epochs=1)
        assert [path.name for path in (folder / name).iterdir()] == ["metrics.csv"]
