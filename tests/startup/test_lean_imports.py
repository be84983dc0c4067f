"""Training loads neither scipy nor torchvision nor matplotlib before it uses them, and leaves the checks as they were."""

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import gc
import sys
from convsweep.startup.lean_imports import import_lean, uncollected
with uncollected():
    collected_during = gc.isenabled()
    import_lean()
    import lightning
    from convsweep import build, feasibility, run
print(sorted({name.partition(".")[0] for name in sys.modules} & {"scipy", "torchvision", "matplotlib", "wandb", "sympy"}))
from lightning_utilities.core.imports import package_available, RequirementCache
print(package_available("scipy"), bool(RequirementCache("torchvision")))
print(collected_during, gc.isenabled(), gc.get_freeze_count() > 0)
"""


def test_what_is_not_used_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "True True", "False True True"]


RUN = """
import atexit
import runpy
import sys
from pathlib import Path
atexit.register(lambda: print(sorted({"torch", "torchmetrics", "torchvision"} & set(sys.modules))))
"""
INSPECT = "runpy.run_module('convsweep.inspect', run_name='__main__', alter_sys=True)"
DRAW = """
sys.argv += ["--figures", "field", "--out", "drawn"]
runpy.run_module("convsweep.draw", run_name="__main__", alter_sys=True)
"""
REPORT = f"""
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from convsweep.hydra_version import main_options
from convsweep.report.parts import architecture_of
with initialize_config_dir(config_dir={str(Path(__file__).parents[2] / "conf")!r}, **main_options()):
    cfg = compose("config", ["shape.in_shape=[1,8,8]", "shape.in_channels=1", "shape.num_classes=10"])
OmegaConf.save(cfg, "config.yaml")
architecture_of(Path("config.yaml"))
"""


@pytest.mark.parametrize("command", [INSPECT, DRAW, REPORT])
def test_commands_that_train_nothing_load_no_more(command: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RUN + command], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.splitlines()[-1] == "['torch', 'torchmetrics']"
