"""Runs in processes of their own: forked trials, ranks, and a training that is killed and goes
on.
"""

import csv
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fitting import TinyModel, fit, track
from wandb_server import WandbServer

from convsweep.tracking import ConfusionMatrix, SamplePredictions, read_metrics, read_run_file

pytestmark = pytest.mark.long

KILLED_TRAINING = """
import sys, time
import convsweep.tracking
assert "wandb" not in sys.modules, "importing convsweep.tracking must not import wandb"
from pathlib import Path
from fitting import fit, track
folder = Path(sys.argv[1])
tracker = track(folder)
trainer = fit(tracker, max_epochs=2)
trainer.save_checkpoint(folder / "last.ckpt")
print("ready", flush=True)
time.sleep(60)
"""


def test_killed_run_goes_on_as_the_same_run(server: WandbServer, folder: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-W", "ignore", "-c", KILLED_TRAINING, str(folder)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert len(read_metrics(folder / "metrics.csv")) == 2
    with track(folder, resume_from=folder) as tracker:
        fit(tracker, max_epochs=4, ckpt_path=folder / "last.ckpt")
    assert len(read_metrics(folder / "metrics.csv")) == 4
    assert (server.run.id, server.run.state) == (read_run_file(folder)["id"], "finished")
    assert [row["epoch"] for row in server.run.history if "val/loss" in row][-2:] == [2, 3]


def trial(folder: Path, max_epochs: int) -> None:
    with track(folder, group="a_study") as tracker:
        fit(tracker, TinyModel(), max_epochs)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.fresh_process
def test_forked_trials_make_runs_of_their_own(server: WandbServer, tmp_path: Path) -> None:
    """One is forked before its parent has a run, one after."""
    folders = [tmp_path / str(number) for number in range(2)]
    study = track(tmp_path / "study", job_type="study")
    fork = multiprocessing.get_context("fork")
    trials = [
        fork.Process(target=trial, args=(folder, number + 1))
        for number, folder in enumerate(folders)
    ]
    first, second = trials
    first.start()
    study.log_summary({"trials": 2})
    second.start()
    for process in trials:
        process.join(300)
        assert process.exitcode == 0
    study.close("complete")
    runs = [server.runs[read_run_file(folder)["id"]] for folder in folders]
    assert [len(run.values("val/loss")) for run in runs] == [1, 2]
    assert [run.state for run in runs] == ["finished", "finished"]
    assert len(server.runs) == 3
    assert server.runs[read_run_file(tmp_path / "study")["id"]].values("val/loss") == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.fresh_process
def test_two_ranks_are_one_run(server: WandbServer, folder: Path) -> None:
    with track(folder) as tracker:
        tracker.log_summary({"cost/parameters": 15})
        tracker.begin()
        callbacks = [ConfusionMatrix(), SamplePredictions()]
        fit(
            tracker,
            TinyModel(),
            max_epochs=2,
            strategy="ddp_fork",
            devices=2,
            callbacks=callbacks,
            shape=(1, 2, 2),
        )
    assert len(server.run.values("val/loss")) == len(server.run.values("train/loss")) == 2
    assert server.run.state == "finished"
    assert len(read_metrics(folder / "metrics.csv")) == 2
    counts = [
        row[1:]
        for row in csv.reader((folder / "pictures/confusion_val.csv").read_text().splitlines()[1:])
    ]
    assert sum(int(count) for row in counts for count in row) == 60
    assert (folder / "pictures/predictions_val.png").exists()


@pytest.mark.fresh_process
@pytest.mark.skipif(
    shutil.which("pgrep") is None, reason="needs pgrep; on Debian: apt-get install procps"
)
def test_nothing_of_wandb_outlives_its_process(server: WandbServer, folder: Path) -> None:
    fork = multiprocessing.get_context("fork")
    process = fork.Process(target=trial, args=(folder, 1))
    process.start()
    process.join(300)
    deadline = time.monotonic() + 120
    while services_of(process.pid) and time.monotonic() < deadline:
        time.sleep(0.2)
    left = services_of(process.pid)
    for service in left:
        os.kill(service, signal.SIGKILL)
    assert left == []
    with track(folder / "own") as tracker:
        tracker.begin()
        assert services_of(os.getpid()) != [], "services_of must find what there is"


def services_of(process: int | None) -> list[int]:
    found = subprocess.run(
        ["pgrep", "-f", f"wandb-core .*--pid {process}$"], capture_output=True, text=True
    )
    return [int(line) for line in found.stdout.split()]
