"""A project like the Lightning and Hydra templates goes from `optuna` to `study` by three lines."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hydra_study.conftest import processes_in, wait_for

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_project.md").read_text()
CHANGES = {
    "configs/hparams_search/line_optuna.yaml": {
        "  - override /hydra/sweeper: optuna": "  - override /hydra/sweeper: study",
        "    _target_: hydra_plugins.hydra_optuna_sweeper.optuna_sweeper.OptunaSweeper\n"
        "    n_jobs: 1\n": "",
    },
    "configs/callbacks/default.yaml": {
        "model_checkpoint:\n": (
            "study: {_target_: hydra_study.lightning.TrialCallback, monitor: val/loss}\n"
            "model_checkpoint:\n"
        ),
    },
    "src/train.py": {
        'cfg.get("ckpt_path")': 'checkpoint_to_resume(cfg.get("ckpt_path"))',
        "import lightning as L\n": (
            "import lightning as L\nfrom hydra_study.lightning import checkpoint_to_resume\n"
        ),
    },
}
SEARCH = [
    "hparams_search=line_optuna",
    "trainer=ddp_cpu",
    "hydra/sweeper/sampler=grid",
    "hydra.sweeper.slots=2",
]
SPACE = ["model.lr=0.3", "model.trouble=none,slow,memory,killed"]
PRUNER = [
    "hydra/sweeper/pruner=threshold",
    "hydra.sweeper.pruner.upper=1",
    "+hydra.sweeper.pruner.n_warmup_steps=1",
]


def changed(folder: Path) -> Path:
    """Return a copy of the project with the lines of the page."""
    shutil.copytree(Path(__file__).with_name("template"), folder)
    for name, lines in CHANGES.items():
        text = (folder / name).read_text()
        for old, new in lines.items():
            assert text.count(old) == 1, old
            assert all(line.strip() in PAGE for line in new.splitlines() if line not in old), new
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return folder


def test_three_lines_bring_pruning_resuming_retries_and_one_verdict(tmp_path: Path) -> None:
    project = changed(tmp_path / "project")
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(project)}
    command = [sys.executable, "src/train.py", *SEARCH, *SPACE, *PRUNER, "hydra.sweeper.view=lines"]
    done = subprocess.run(
        [*command, "hydra.sweeper.n_trials=4"],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    table = project / "multirun" / "train" / "sweep.csv"
    assert "# python src/train.py --config-dir " in table.with_name("best.yaml").read_text()
    rows = list(csv.DictReader(table.read_text().splitlines()))
    kinds = {(row["model.trouble"], bool(row.get("retry_of"))): row["kind"] for row in rows}
    assert kinds == {
        ("none", False): "complete",
        ("slow", False): "pruned",
        ("memory", False): "out_of_memory",  # what the second process says is the verdict
        ("killed", False): "killed",
        ("killed", True): "complete",
    }, done.stdout + done.stderr
    for row in rows:
        console = (Path(row["folder"]) / "console.log").read_text()
        begins = [
            f"process {rank} begins at epoch {1 if row['retry_of'] else 0} with lr"
            for rank in (0, 1)
        ]
        assert all(line in console for line in begins), console
    wait_for(lambda: not processes_in(project))
