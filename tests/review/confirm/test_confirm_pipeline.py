"""A confirmation of a real sweep of train.py: the test split is measured there, and only there."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NO_PICTURES

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[3]
QUICK = [
    "trainer=cpu",
    "logger=none",
    "trainer.max_epochs=1",
    "model.net.num_blocks=1",
    "hydra.sweeper.slots=2",
    *NO_PICTURES,
]


def run(folder: Path, *command: str) -> str:
    """Run a command of Python and return what it printed."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# A space whose file sets the size of all networks.
SPACE = """
# @package _global_
defaults:
  - override /hydra/sweeper: study
  - override /hydra/sweeper/sampler: grid
model:
  net:
    num_params: 3000
    kernel_size: 5
hydra:
  sweeper:
    study_name: sized
    params:
      model.net.num_stages: choice(1,2)
"""


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a search that was confirmed against a preset, and what was printed."""
    folder = tmp_path_factory.mktemp("confirmed")
    (folder / "own" / "sweeps").mkdir(parents=True)
    (folder / "own" / "sweeps" / "sized.yaml").write_text(SPACE)
    given = ["--config-dir", "own", "sweeps=sized"]
    run(folder, "-m", "convsweep", "train", "-m", *given, *QUICK)
    sweep = folder / "multirun" / "sized"
    say = [str(sweep), "top=1", "seeds=1", "baseline=mlp"]
    return sweep, run(folder, "-m", "convsweep", "confirm", *say)


def test_a_baseline_that_names_its_network_is_not_changed_by_the_file_of_the_space(
    confirmed: tuple[Path, str],
) -> None:
    sweep, output = confirmed
    assert "model.net.num_params=null" in output
    baseline = json.loads((sweep / "confirm" / "confirm.json").read_text())["networks"][-1]
    assert baseline["cost"]["params"] == 50_826  # layers of 64, 256, 128 and 10


def test_a_search_never_sees_the_test_split_and_its_confirmation_does(
    confirmed: tuple[Path, str],
) -> None:
    sweep, output = confirmed
    for number in (0, 1):
        assert json.loads((sweep / str(number) / "result.json").read_text())["test"] == {}
    content = json.loads((sweep / "confirm" / "confirm.json").read_text())
    winner, baseline = content["networks"]
    assert winner["test"]["n"] == baseline["test"]["n"] == 1
    for network in (winner, baseline):
        folder = sweep / network["trainings"][0]["folder"]
        config = (folder / "config.yaml").read_text()
        assert "seed: 1\n" in config
        assert (
            json.loads((folder / "result.json").read_text())["test"]["test/accuracy"]
            == network["test"]["mean"]
        )
    assert "model/net=mlp" in baseline["overrides"]
    assert winner["cost"]["params"] != baseline["cost"]["params"]
    assert "which has no interval; say seeds=5" in output
