"""A run needs neither W&B Launch nor reports to W&B's makers; who uses Launch gets all of it."""

import subprocess
import sys
from pathlib import Path

LOADED = """
import sys
from pathlib import Path
from convsweep.startup.deferred_imports import is_loaded
from convsweep.tracking.wandb_run import start_run
folder = Path(sys.argv[1])
run = start_run(folder, "offline", {"dir": folder}, {"silent": True, "console": "off"})
run.log({"loss": 1.0})
print(run.offline, *(is_loaded(name) for name in ("wandb.sdk.launch", "wandb.apis.public", "opentelemetry.sdk.metrics")))
run.finish()
"""

STAGED = """
from convsweep.tracking.lean_wandb import make_lean
make_lean()
import wandb
from wandb.sdk.launch.inputs.internal import StagedLaunchInputs as unstaged
import wandb.sdk.launch
wandb.sdk.launch.manage_wandb_config(include=["lr"])
from wandb.sdk.launch.inputs.internal import StagedLaunchInputs
print(len(StagedLaunchInputs()._staged_inputs), unstaged is StagedLaunchInputs, wandb.Api.__module__)
"""


def words(code: str, folder: Path) -> list[str]:
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_a_run_loads_neither(tmp_path: Path) -> None:
    assert words(LOADED, tmp_path) == ["True", "False", "False", "False"]


def test_what_is_staged_for_launch_is_there(tmp_path: Path) -> None:
    assert words(STAGED, tmp_path) == ["1", "False", "wandb.apis.public.api"]
