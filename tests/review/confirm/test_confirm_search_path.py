"""A sweep whose primary config adds a folder of configs, as the plan of a project does."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkpoints import Command
from tests.review.confirm.conftest import Confirmed

pytestmark = pytest.mark.long

PLAN = """
defaults:
  - config
  - speed: none
  - override speed: fast
  - _self_
hydra:
  searchpath: ["file://{own}"]
net: good
"""


def test_a_winner_is_composed_with_the_folders_that_the_primary_config_adds(
    tmp_path: Path, run: Command
) -> None:
    one = Confirmed(tmp_path / "toy", run)
    own, plan = tmp_path / "own", tmp_path / "plan"
    (own / "speed").mkdir(parents=True)
    for name, x in (("none", 0.0), ("fast", 0.25), ("faster", 0.5)):
        (own / "speed" / f"{name}.yaml").write_text(f"# @package _global_\nx: {x}\n")
    plan.mkdir()
    (plan / "plan.yaml").write_text(PLAN.format(own=own))
    named = ["--config-dir", str(plan), "--config-name", "plan"]
    one.toy.run(*named, "hydra/sweeper/sampler=grid", "speed=fast,faster")
    one.confirm("top=1", "seeds=2")
    assert one.document["verdict"]["answer"] == "better"
    assert one.document["verdict"]["difference"]["mean"] == pytest.approx(0.25)
    for folder in (one.sweep, one.sweep / "confirm"):
        command = ["app.py", "--config-dir", str(folder), "--config-name", "best", "--cfg", "job"]
        done = subprocess.run(
            [sys.executable, *command], cwd=one.toy.folder, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "x: 0.5" in done.stdout
        assert "net: good" in done.stdout
