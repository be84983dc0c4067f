"""A sweep whose trials train in two processes each: one architecture, one verdict, one W&B run a
trial.
"""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NO_PICTURES

from .conftest import PATIENCE_S, processes_in, wait_for
from .test_pipeline import ROOT, wandb_server

pytestmark = pytest.mark.long

__all__ = ["wandb_server"]
TWO = [
    "trainer=ddp_cpu",
    "trainer.max_epochs=4",  # the pruner stops a trial after the third
    "model.net.width=4",
    "model.net.norm=none",
    "test=false",
    *NO_PICTURES,
]
FAIL = "+callbacks.fail={_target_: rank_callbacks.Fail, rank: 1, epoch: 1, how: kill}"
GRID = ["hydra/sweeper/sampler=grid", "hydra.sweeper.slots=2"]
POINTS = {"learns": (3, 3e-2), "idles": (5, 1e-7)}  # kernel size and learning rate
PRUNER = [
    "hydra/sweeper/pruner=threshold",
    "hydra.sweeper.pruner.lower=0.3",
    "+hydra.sweeper.pruner.n_warmup_steps=2",
]


def test_a_trial_in_two_processes_is_one_trial(wandb_server: object, tmp_path: Path) -> None:
    variables = {
        "WANDB_BASE_URL": wandb_server.url,  # type: ignore[attr-defined]
        "WANDB_API_KEY": "0" * 40,
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "NETRC": str(tmp_path / "netrc"),
        "PYTHONPATH": str(ROOT / "tests" / "distributed"),
        "OMP_NUM_THREADS": "1",
    }
    note = "+callbacks.note._target_=rank_callbacks.Note"
    (tmp_path / "own" / "optimizer").mkdir(parents=True)
    (tmp_path / "own" / "project.yaml").write_text(
        "defaults: [config, {override optimizer: mine}, _self_]\nmine: 1\n"
    )
    (tmp_path / "own" / "optimizer" / "mine.yaml").write_text("defaults: [adamw, _self_]\n")
    (tmp_path / "own" / "point").mkdir()
    for name, (kernel, lr) in POINTS.items():
        (tmp_path / "own" / "point" / f"{name}.yaml").write_text(
            "# @package _global_\n"
            f"model: {{net: {{kernel_size: {kernel}}}}}\noptimizer: {{lr: {lr}}}\n"
        )
    # which Lightning's processes need too
    own = ["--config-dir", "own", "--config-name", "project"]
    space = [f"+point={','.join(POINTS)}", *GRID]
    search = ["hydra/sweeper=study", "mine=2", *TWO, *space, *PRUNER, note, FAIL]
    command = [sys.executable, "-m", "convsweep", "train", "-m", *own, *search]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = list(csv.DictReader((tmp_path / "multirun/train/sweep.csv").read_text().splitlines()))
    kinds = [row["kind"] for row in rows]
    assert sorted(kinds) == ["complete", "killed", "pruned"], done.stdout
    for row in rows:
        noted = [
            json.loads((Path(row["folder"]) / f"noted_{rank}.json").read_text()) for rank in (0, 1)
        ]
        assert noted[0] == noted[1], "both processes train one network, from one epoch on"
        kernel, lr = POINTS[row["point"]]
        assert noted[0]["lr"] == lr
        assert [kernel, kernel] in [shape[2:] for shape in noted[0]["shapes"].values()]
        assert noted[0]["epoch"] == (1 if row["retry_of"] else 0)
    (retry,) = [row for row in rows if row["retry_of"]]
    assert rows[int(retry["retry_of"])]["kind"] == "killed"
    runs = {name: run for name, run in wandb_server.runs.items() if run.job_type == "train"}  # type: ignore[attr-defined]
    assert len(runs) == 2, "a retried trial goes on in its run"
    assert {run.state for run in runs.values()} == {"finished"}


def test_ctrl_c_ends_all_processes_of_all_trials(tmp_path: Path) -> None:
    note = "+callbacks.note._target_=rank_callbacks.Note"
    endless = [
        "logger=none",
        "trainer.max_epochs=500",
        "callbacks.early_stopping=null",
        "hydra.sweeper.grace=500",
        note,
    ]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "convsweep",
            "train",
            "-m",
            "hydra/sweeper=study",
            *TWO[:1],
            *TWO[2:],
            "optimizer.lr=3e-2,1e-2,1e-3,1e-7",
            *GRID,
            *endless,
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "tests" / "distributed"),
            "OMP_NUM_THREADS": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: len(list(tmp_path.glob("multirun/train/*/checkpoints/last.ckpt"))) == 2)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130, output
    wait_for(lambda: not processes_in(tmp_path))
    rows = list(csv.DictReader((tmp_path / "multirun/train/sweep.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["killed", "killed", "waiting", "waiting"], output
    results = [json.loads((Path(row["folder"]) / "result.json").read_text()) for row in rows[:2]]
    assert [result["outcome"] for result in results] == [
        "killed",
        "killed",
    ], "each closed its own record"
