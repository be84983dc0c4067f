"""The sweeper on the real train.py: feasibility, pruning, runs in W&B, the preset of the best."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from convsweep.patches.patch import VARIABLE
from convsweep.tracking.metrics_file import read_metrics
from tests.conftest import NO_PICTURES, Train

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
# Seconds after which something is taken to hang, on a busy machine too.
PATIENCE_S = 900.0
TINY = [
    "trainer=cpu",
    "model.net.width=4",
    "data.batch_size=64",
    "hydra.sweeper.slots=2",
    *NO_PICTURES,
]


def start(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `train.py -m hydra/sweeper=study ...` in `folder`."""
    command = [
        sys.executable,
        "-m",
        "convsweep",
        "train",
        "-m",
        *arguments,
        "hydra/sweeper=study",
        *TINY,
    ]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, timeout=PATIENCE_S
    )


def table(folder: Path) -> list[dict[str, str]]:
    """Return the sweep's table."""
    return list(
        csv.DictReader((folder / "multirun" / "train" / "sweep.csv").read_text().splitlines())
    )


def sweep(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> list[dict[str, str]]:
    """Run a sweep that must succeed, and return its table."""
    done = start(folder, *arguments, environment=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return table(folder)


@pytest.fixture
def wandb_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """A W&B server on loopback."""
    monkeypatch.syspath_prepend(str(ROOT / "tests" / "tracking"))
    from wandb_server import WandbServer

    with WandbServer() as running:
        yield running


CASES = """
defaults:
  - config
  - override hydra/sweeper: study
  - override hydra/sweeper/sampler: grid
  - override hydra/sweeper/pruner: threshold
  - _self_
test: false
trainer: {max_epochs: 4} # the pruner stops a trial after the third
callbacks: {early_stopping: null, slow: {_target_: slow.Slow, seconds: 0.0}}
hydra:
  sweeper:
    study_name: train
    n_trials: 5
    trial_timeout: 40
    pruner: {lower: 0.12, n_warmup_steps: 2}
    params:
      $case: choice(complete,pruned,diverged,error,infeasible,timed_out)
      $lr: {compute: "1e-7 if $case == 'pruned' else (1e30 if $case == 'diverged' else 0.03)"}
      optimizer.lr: {compute: "0.003 if $case == 'timed_out' else $lr"}
      model.label_smoothing: {compute: "7.0 if $case == 'error' else 0.0"}
      model.net.num_stages: {compute: "6 if $case == 'infeasible' else 2"}
      callbacks.slow.seconds: {compute: "0.2 if $case == 'timed_out' else 0.0"}
      scheduler: {compute: "'none' if $case == 'timed_out' else 'cosine'"}
      trainer.max_epochs: {compute: "100000 if $case == 'timed_out' else 4"}
"""
SLOW = """
import time
import lightning as L
class Slow(L.Callback):
    def __init__(self, seconds):
        self.seconds = seconds
    def on_train_batch_start(self, *rest):
        time.sleep(self.seconds)
"""  # what waits for its time limit leaves the cores to others
STATES = {
    "complete": "finished",
    "pruned": "finished",
    "diverged": "failed",
    "error": "failed",
    "timed_out": "failed",
}


def test_every_trial_is_one_run_of_the_studys_group_in_its_own_state(
    wandb_server: object, tmp_path: Path
) -> None:
    runs = wandb_server.runs  # type: ignore[attr-defined]
    environment = {
        "WANDB_BASE_URL": wandb_server.url,  # type: ignore[attr-defined]
        "WANDB_API_KEY": "0" * 40,
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "NETRC": str(tmp_path / "netrc"),
        "PYTHONPATH": str(tmp_path),
    }
    (tmp_path / "slow.py").write_text(SLOW)
    (tmp_path / "cases.yaml").write_text(CASES)
    rows = sweep(
        tmp_path, "--config-dir", str(tmp_path), "--config-name", "cases", environment=environment
    )
    assert sorted(row["kind"] for row in rows) == sorted([*STATES, "infeasible"]), rows
    assert all(row["$case"] == row["kind"] for row in rows)
    charged = [row for row in rows if row["kind"] != "infeasible"]
    assert {row["wandb_id"] for row in charged} | {study_run(tmp_path)} == set(runs)
    for row in charged:
        run = runs[row["wandb_id"]]
        assert (run.state, run.summary["outcome"]) == (STATES[row["kind"]], row["kind"])
        assert (run.group, run.job_type, run.config["run"]["trial"]) == (
            "train",
            "train",
            int(row["number"]),
        )
        assert run.config["run"]["folder"] == row["folder"]
        result = json.loads((Path(row["folder"]) / "result.json").read_text())
        assert (result["outcome"], result["wandb"]["id"]) == (row["kind"], run.id)
        left = json.loads((Path(row["folder"]) / "outcome.json").read_text())
        assert (left["kind"], left["reason"]) == (row["kind"], row["reason"])
        if row["kind"] != "complete":
            assert run.summary["reason"] == result["reason"] == row["reason"]
        assert ("reason" in run.summary) == (row["kind"] != "complete")
        assert run.summary["cost/params"] == int(row["params"])
        if row["kind"] == "complete":
            assert run.summary["best/val/accuracy"] == pytest.approx(float(row["value"]))
            assert (
                run.summary["checkpoint"]
                == row["best_checkpoint"]
                == str(Path(row["folder"]) / "checkpoints" / "best.ckpt")
            )
            assert len(run.values("val/accuracy")) == 4
            assert len(run.values("architecture")) == 1
    study = runs[study_run(tmp_path)]
    assert (study.group, study.job_type) == ("train", "study")


def study_run(folder: Path) -> str:
    """Return the id of the study's own run."""
    return str(json.loads((folder / "multirun" / "train" / "wandb.json").read_text())["id"])


def test_the_preset_of_the_best_trains_as_it_is(train: Train, tmp_path: Path) -> None:
    without_patches = {VARIABLE: "none"}  # the other searches of this file have them
    rows = sweep(
        tmp_path,
        "logger=none",
        "trainer.max_epochs=3",
        "model/net=choice(cnn_small,mlp)",
        "hydra/sweeper/sampler=grid",
        "test=false",
        environment=without_patches,
    )
    assert [row["kind"] for row in rows] == ["complete", "complete"], rows
    folder = tmp_path / "multirun" / "train"
    best = max(rows, key=lambda row: float(row["value"]))
    run = train("--config-dir", str(folder), "--config-name", "best", quick=False)
    again = json.loads((run / "result.json").read_text())
    first = json.loads((Path(best["folder"]) / "result.json").read_text())
    assert again["objectives"] == pytest.approx(first["objectives"], abs=0.02)
    assert again["cost"]["params"] == first["cost"]["params"]
    assert "late_torchmetrics" in again["patches"]
    assert first["patches"] == []


def test_a_trial_that_pauses_goes_on_in_its_folder_and_its_run(tmp_path: Path) -> None:
    rows = sweep(
        tmp_path,
        "hydra/sweeper/schedule=promotion",
        "hydra.sweeper.n_trials=3",
        "optimizer.lr=interval(1e-3,1e-1)",
        "trainer.max_epochs=4",
        "logger=wandb",
        "test=false",
        environment={"WANDB_MODE": "offline"},
    )
    assert "complete" in [row["kind"] for row in rows], rows
    for row in rows:
        folder, is_complete = Path(row["folder"]), row["kind"] == "complete"
        epochs = [float(one["epoch"]) for one in read_metrics(folder / "metrics.csv")]
        assert epochs == sorted(set(epochs))
        assert (len(epochs) == 4) is is_complete
        run = json.loads((folder / "wandb.json").read_text())
        assert run["id"] == row["wandb_id"]
        assert {Path(part).name.rpartition("-")[2] for part in run["parts"]} == {run["id"]}
        assert len(run["parts"]) > 1 or not is_complete, "after three epochs it was alone"
        result = json.loads((folder / "result.json").read_text())
        assert result["outcome"] == ("complete" if is_complete else "paused")
        assert any(folder.glob("checkpoints/*.ckpt")) is (row["kind"] != "pruned")
        assert "W&B: not all" not in (folder / "console.log").read_text()


def test_a_mistake_in_the_data_stops_the_sweep_with_its_own_message(tmp_path: Path) -> None:
    done = start(tmp_path, "data=ucr", "logger=none", "optimizer.lr=1e-3,1e-2,1e-1")
    assert done.returncode != 0
    assert "data.dataset has no default and must be given" in done.stderr, done.stderr
    assert "sys.exit" not in done.stderr


MINE = """
import torch
assert not torch._C._cuda_isInBadFork()
print("asked", torch.cuda.is_available())
class Mine(torch.nn.Sequential):
    def __init__(self, in_channels, num_classes, width):
        super().__init__(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(in_channels, num_classes))
    def forward(self, x):
        assert not torch._C._cuda_isInBadFork()
        return super().forward(x)
"""  # noqa: E501


def test_a_network_of_the_users_own_that_uses_cuda_at_import_can_use_it_in_trials(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    net = (
        "{_target_: mine.Mine, in_channels: ${shape.in_channels}, num_classes:"
        " ${shape.num_classes}, width: 1}"
    )
    options = [
        "logger=none",
        "~model.net",
        f"+model.net={net}",
        "optimizer.lr=1e-3,1e-2",
        "hydra/sweeper/sampler=grid",
        "hydra.sweeper.n_trials=1",
        "trainer.max_epochs=1",
    ]
    variables = {"PYTHONPATH": str(tmp_path), "PYTORCH_NVML_BASED_CUDA_CHECK": "0"}
    rows = sweep(tmp_path, *options, environment=variables)
    assert [row["kind"] for row in rows] == ["complete"]
