"""`convsweep init` writes a project whose own net and data train, are searched, and pass its
tests.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from convsweep.errors import UserError
from convsweep.init.command import main, write_project
from convsweep.review.confirm.confirmation import composing
from hydra_study import open_sweep_folder

pytestmark = pytest.mark.long

CONFIG = ["--config-dir", "conf", "--config-name", "project"]


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder, which a console script does not have on its path first, and return
    what it printed.
    """
    command = [sys.executable, "-P", "-m", "convsweep", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new project."""
    folder = tmp_path_factory.mktemp("projects") / "shapes"
    main([str(folder)])
    return folder


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="new or empty folder"):
        write_project(tmp_path)
    with pytest.raises(UserError, match="is a file"):
        write_project(tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_it_trains_and_its_tests_pass(project: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    variables = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")
    }
    done = subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_search_finds_its_configs_and_leaves_a_preset_that_does(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = [
        "logger=none",
        "trainer=cpu",
        "trainer.max_epochs=1",
        "data.num_samples=300",
        "hydra.sweeper.n_trials=2",
    ]
    run(project, "train", *CONFIG, "-m", "sweeps=width_lr", *options)
    monkeypatch.chdir(project)
    sweep = open_sweep_folder("multirun/width_lr_shapes")
    results = [json.loads(path.read_text()) for path in sweep.folder.glob("*/result.json")]
    assert len(results) == 2
    with composing(sweep) as compose_one:
        assert compose_one("trial 0", ["model.net.width=8"])["model"]["net"]["width"] == 8
    composed = run(
        project, "train", "--config-dir", str(sweep.folder), "--config-name", "best", "--cfg", "job"
    )
    assert "_target_: own_net.OwnNet" in composed
