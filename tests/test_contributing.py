"""The examples of CONTRIBUTING.md, each as it stands there: in a project of its own, trained,
evaluated, predicted.
"""

import csv
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from convsweep.inference.evaluate.command import evaluate
from convsweep.inference.predict import files, formats
from convsweep.inference.predict.command import predict
from tests.conftest import Train

pytestmark = pytest.mark.long

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
BLOCK = re.compile(r'^```\w+ title="(?P<name>[^"]+)"\n(?P<body>.*?)^```$', re.M | re.S)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that holds every file that CONTRIBUTING.md shows."""
    for block in BLOCK.finditer(TEXT):
        path = tmp_path / block["name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block["body"])
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(files, "__path__", [*files.__path__, str(tmp_path / "files")])
    formats.known_formats.cache_clear()
    yield tmp_path
    formats.known_formats.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def command() -> list[str]:
    """Return the overrides of the training that CONTRIBUTING.md shows."""
    return shlex.split(re.findall(r"^convsweep train (.+)$", TEXT, re.M)[0])


def test_examples_of_every_kind_work_together(project: Path, train: Train) -> None:
    run = train(
        *command(),
        "logger=none",
        "trainer=cpu",
        "trainer.max_epochs=8",
        "optimizer.lr=0.01",
        quick=False,
    )
    result = json.loads((run / "result.json").read_text())
    assert result["test"]["test/mae"] < 0.3, result

    assert evaluate([str(run), "--out", "evaluation", "--device", "cpu"]) == 0
    metrics = json.loads(Path("evaluation/evaluation.json").read_text())["metrics"]
    assert metrics["mae"] == pytest.approx(result["test"]["test/mae"], rel=1e-3)
    first = next(csv.DictReader(Path("evaluation/samples.csv").read_text().splitlines()))
    assert abs(float(first["true"]) - float(first["predicted"])) < 1.5

    wave = np.sin(2 * np.pi * 4 * np.linspace(0, 1, 32))
    Path("new.csv").write_text("\n".join(map(str, wave)))
    assert predict([str(run), "new.csv", "--out", "answers", "--device", "cpu"]) == 0
    (row,) = csv.DictReader(Path("answers/predictions.csv").read_text().splitlines())
    assert set(row) == {"sample", "periods"}
    assert abs(float(row["periods"]) - 4) < 1


def test_the_launcher_starts_the_workers_of_a_search(project: Path) -> None:
    commands = TEXT.replace("\\\n", "")
    arguments = shlex.split(re.findall(r"^convsweep train (-m .+)$", commands, re.M)[0])
    quick = ["logger=none", "trainer=cpu", "trainer.max_epochs=1", "hydra.sweeper.study_name=turn"]
    done = subprocess.run(
        [sys.executable, "-m", "convsweep", "train", *arguments, *quick],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert "all 2 trials are done (2 complete)" in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr


def test_a_task_is_named_in_its_own_file_alone() -> None:
    source = Path(__file__).parents[1] / "src" / "convsweep"
    names = "classification|segmentation|denoising|regression|multi_label"
    named = [
        path.relative_to(source).as_posix()
        for path in source.rglob("*.py")
        if re.search(
            rf"""["']({names})["']""",
            path.read_text(),
        )
        and "patches" not in path.parts
    ]
    assert named == ["task.py"]


def test_no_code_outside_of_the_sources_tells_tasks_apart_by_their_names() -> None:
    source = Path(__file__).parents[1] / "src" / "convsweep"
    compares = re.compile(r"[!=]= (CLASSIFICATION|SEGMENTATION|DENOISING|REGRESSION|MULTI_LABEL)\b")
    found = [
        path.relative_to(source)
        for path in source.rglob("*.py")
        if compares.search(path.read_text())
    ]
    assert [path for path in found if not path.is_relative_to("data/sources")] == []
