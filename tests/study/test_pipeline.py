"""The sweeper on the real train.py: feasibility, pruning, runs in W&B, the preset of the best."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TINY = ["trainer=cpu", "model.net.width=4", "trainer.max_epochs=3", "data.batch_size=64", "hydra.sweeper.slots=2"]


def start(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `train.py -m hydra/sweeper=study ...` in `folder`."""
    command = [sys.executable, str(ROOT / "train.py"), "-m", "hydra/sweeper=study", *TINY, *arguments]
    variables = {**os.environ, **(environment or {})}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=280)


def table(folder: Path) -> list[dict[str, str]]:
    """Return the sweep's table."""
    return list(csv.DictReader((folder / "multirun" / "train" / "sweep.csv").read_text().splitlines()))


def sweep(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> list[dict[str, str]]:
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


def test_every_trial_that_trains_is_one_run_of_the_studys_group(wandb_server: object, tmp_path: Path) -> None:
    runs = wandb_server.runs  # type: ignore[attr-defined]
    environment = {
        "WANDB_BASE_URL": wandb_server.url,  # type: ignore[attr-defined]
        "WANDB_API_KEY": "0" * 40,
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "NETRC": str(tmp_path / "netrc"),
    }
    space = ["model.net.num_stages=1,2,6", "optimizer.lr=3e-2,1e-7", "hydra.sweeper.n_trials=9"]
    pruner = ["hydra/sweeper/pruner=threshold", "hydra.sweeper.pruner.lower=0.3", "+hydra.sweeper.pruner.n_warmup_steps=3"]
    rows = sweep(tmp_path, "hydra/sweeper/sampler=grid", *space, *pruner, "test=false", environment=environment)
    kinds = [row["kind"] for row in rows]
    assert sorted(kinds) == ["complete"] * 2 + ["infeasible"] * 2 + ["pruned"] * 2
    trained = [row for row in rows if row["kind"] != "infeasible"]
    assert all("stage" in row["reason"] and not row["folder"] for row in rows if row["kind"] == "infeasible")
    assert all(int(row["params"]) > 0 and int(row["macs"]) > 0 for row in trained)
    assert len(runs) == len(trained)
    assert {run.group for run in runs.values()} == {"train"}
    assert {run.state for run in runs.values()} == {"finished"}
    ids = set()
    for row in trained:
        result = json.loads((Path(row["folder"]) / "result.json").read_text())
        assert result["outcome"] == row["kind"]
        ids.add(result["wandb"]["id"])
    assert ids == set(runs)


def test_the_preset_of_the_best_trains_as_it_is(tmp_path: Path) -> None:
    rows = sweep(tmp_path, "logger=none", "model/net=choice(cnn_small,mlp)", "hydra/sweeper/sampler=grid", "test=false")
    assert [row["kind"] for row in rows] == ["complete", "complete"], rows
    folder = tmp_path / "multirun" / "train"
    best = max(rows, key=lambda row: float(row["value"]))
    command = [
        sys.executable,
        str(ROOT / "train.py"),
        "--config-dir",
        str(folder),
        "--config-name",
        "best",
        "hydra.run.dir=again",
    ]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=200)
    again = json.loads((tmp_path / "again" / "result.json").read_text())
    first = json.loads((Path(best["folder"]) / "result.json").read_text())
    assert again["objectives"] == pytest.approx(first["objectives"], abs=0.02)
    assert again["cost"]["params"] == first["cost"]["params"]


def test_a_mistake_in_the_data_stops_the_sweep_with_its_own_message(tmp_path: Path) -> None:
    done = start(tmp_path, "data=image_folder", "data.root=nowhere", "logger=none", "optimizer.lr=1e-3,1e-2,1e-1")
    assert done.returncode != 0
    assert "nowhere" in done.stderr, done.stderr
    assert "sys.exit" not in done.stderr


def test_a_training_that_diverges_is_of_that_kind_and_the_sweep_goes_on(tmp_path: Path) -> None:
    rows = sweep(
        tmp_path, "logger=none", "hydra/sweeper/sampler=grid", "optimizer=sgd", "model.net.norm=none", "optimizer.lr=1e-2,1e12"
    )
    assert {float(row["optimizer.lr"]): row["kind"] for row in rows} == {1e-2: "complete", 1e12: "diverged"}
