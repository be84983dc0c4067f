"""The commands of a user: train, search, report, export, predict. `.ci/run` does it with the oldest
packages too.
"""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from convsweep.data.sources.digits import load_digits

ROOT = Path(__file__).parents[2]
OPTIONS = ["trainer=cpu", "trainer.max_epochs=3", "model.net.width=8", "seed=0"]

# a worker does all of it, since each command needs what the ones before it left


def run(folder: Path, *command: str) -> str:
    """Run a command of Python to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, *command], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training that W&B followed offline."""
    place = tmp_path_factory.mktemp("trained")
    run(
        place,
        "-m",
        "convsweep",
        "train",
        *OPTIONS,
        "data/augment=shift",
        "logger.mode=offline",
        "hydra.run.dir=run",
    )
    return place / "run"


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search of six trials, done by two commands."""
    place = tmp_path_factory.mktemp("searched")
    command = [
        "-m",
        "convsweep",
        "train",
        "-m",
        "sweeps=depth_kernel",
        *OPTIONS,
        "logger=none",
        "hydra.sweeper.slots=2",
    ]
    run(place, *command, "hydra.sweeper.n_trials=2")
    run(place, *command, "hydra.sweeper.n_trials=6")
    return place / "multirun" / "depth_kernel_digits"


def test_a_training_learns_and_is_kept(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    assert result["test"]["test/accuracy"] > 0.6, result
    assert (trained / "checkpoints" / "best.ckpt").is_file()
    (run_file,) = trained.rglob("*.wandb")
    assert run_file.stat().st_size > 0


def test_a_search_ends_at_its_total_and_its_best_can_be_trained(searched: Path) -> None:
    rows = list(csv.DictReader((searched / "sweep.csv").read_text().splitlines()))
    assert [row["number"] for row in rows] == [str(number) for number in range(6)]
    assert {row["kind"] for row in rows} <= {"complete", "pruned"}, rows
    best = max(
        (row for row in rows if row["kind"] == "complete"), key=lambda row: float(row["value"])
    )
    assert float(best["value"]) > 0.5
    assert (
        (searched / "best.yaml")
        .read_text()
        .startswith(f"# Trial {best['number']} of study depth_kernel_digits")
    )
    preset = ["--config-dir", str(searched), "--config-name", "best"]
    run(
        searched.parents[1],
        "-m",
        "convsweep",
        "train",
        *preset,
        "trainer.max_epochs=1",
        "logger=none",
        "hydra.run.dir=again",
    )
    again = json.loads((searched.parents[1] / "again" / "result.json").read_text())
    assert again["cost"]["params"] == int(best["params"])


def test_reports_are_written(trained: Path, searched: Path) -> None:
    for folder in (trained, searched):
        run(folder.parent, "-m", "convsweep", "report", folder.name)
        page = (folder / "report.html").read_text()
        assert len(page) > 10_000
        assert "digits" in page


def test_exported_programs_say_what_the_network_says(trained: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    run(tmp_path, "-m", "convsweep", "export", str(trained), "--no-latency")
    checks = json.loads((tmp_path / "exported" / "export.json").read_text())["checks"]
    assert set(checks) == {"torch.export", "onnxruntime"}
    assert all(found["difference"] <= 1e-4 for found in checks.values())


def test_the_winner_of_a_search_knows_digits(searched: Path, tmp_path: Path) -> None:
    pictures, labels = load_digits()
    (tmp_path / "files").mkdir()
    for number, pixels in enumerate(pictures[:100, 0]):
        Image.fromarray(pixels).save(tmp_path / "files" / f"{number:03d}.png")
    run(tmp_path, "-m", "convsweep", "predict", str(searched), "files")
    rows = list(
        csv.DictReader((tmp_path / "predictions" / "predictions.csv").read_text().splitlines())
    )
    right = sum(row["class"] == str(label) for row, label in zip(rows, labels[:100], strict=True))
    assert right > 50, right
