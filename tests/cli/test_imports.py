"""Trainings without other metrics import neither scipy nor torchvision; all metrics of torchmetrics
work.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.long

HEAVY = "{'scipy', 'torchvision'}"
AT_THE_END = f"""
import atexit, os, runpy, sys
from pathlib import Path
atexit.register(lambda: print(sorted({HEAVY} & set(sys.modules))))
"""
METRICS = """
from convsweep.training.imports import prepare_imports
from convsweep.patches.late_packages import is_late
prepare_imports()
import torch, lightning, torchmetrics
import convsweep.tasks.classification
assert is_late("torchmetrics") and is_late("torchmetrics.functional")
from torchmetrics.classification import MulticlassConfusionMatrix
import matplotlib
matplotlib.use("agg")
matrix = MulticlassConfusionMatrix(2)
matrix.update(torch.tensor([0, 1]), torch.tensor([0, 1]))
figure, axes = matrix.plot()
assert isinstance(axes, matplotlib.axes.Axes)

from torchmetrics.detection import IntersectionOverUnion, MeanAveragePrecision
box, label = torch.tensor([[0.0, 0.0, 4.0, 4.0]]), torch.zeros(1, dtype=torch.int64)
boxes = [dict(boxes=box, scores=torch.ones(1), labels=label)]
overlap = IntersectionOverUnion()
overlap.update(boxes, boxes)
assert overlap.compute()["iou"] == 1
try:
    MeanAveragePrecision()
except ModuleNotFoundError as error:
    assert "pycocotools" in str(error)  # no package of ours, and nothing else is missing
from torchmetrics.functional.audio import permutation_invariant_training, signal_noise_ratio
from torchmetrics.image import LearnedPerceptualImagePatchSimilarity
from torchmetrics.image import StructuralSimilarityIndexMeasure
from torchmetrics.functional.image.lpips import _LPIPS
_LPIPS(pretrained=False, net="squeeze", pnet_rand=True)
assert torchmetrics.Metric is lightning.pytorch.core.module.Metric is torchmetrics.metric.Metric
assert issubclass(IntersectionOverUnion, torchmetrics.Metric)
assert set(torchmetrics.__all__) <= set(dir(torchmetrics))
import scipy.signal
assert scipy.signal.hamming is scipy.signal.windows.hamming
"""
TRAIN = f"""
import builtins
from convsweep.training.imports import prepare_imports
prepare_imports()
import lightning as L
class First(L.Callback):
    def on_train_batch_end(self, *rest):
        print(sorted({HEAVY} & set(sys.modules)), flush=True)
        exec({METRICS!r}, {{}})
        print("any metric works", flush=True)
        os._exit(0)
builtins.First = First
sys.argv += ["logger=none", "trainer=cpu", "model.net.width=4"]
sys.argv += ["+callbacks.first._target_=builtins.First"]
runpy.run_path({str(ROOT / "train.py")!r}, run_name="__main__")
"""
INSPECT = """
try:
    runpy.run_module("convsweep.explain.inspect", run_name="__main__", alter_sys=True)
except SystemExit as end:
    assert not end.code
"""
DRAW = """
sys.argv[1:] = ["--figures", "field", "--out", "drawn"]
runpy.run_module("convsweep.explain.draw.command", run_name="__main__", alter_sys=True)
"""
REPORT = f"""
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from convsweep.cli.hydra_version import main_options
from convsweep.review.report.sections.parts import architecture_of
with initialize_config_dir(config_dir={str(ROOT / "conf")!r}, **main_options()):
    shape = ["shape.in_shape=[1,8,8]", "shape.in_channels=1", "shape.num_classes=10"]
    cfg = compose("config", shape)
OmegaConf.save(cfg, "config.yaml")
architecture_of(Path("config.yaml"))
"""


def printed(code: str, folder: Path) -> list[str]:
    """Return the lines that a process prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_commands_that_train_nothing_load_neither(tmp_path: Path) -> None:
    assert printed(AT_THE_END + INSPECT + DRAW + REPORT, tmp_path)[-1] == "[]"


def test_the_first_step_is_taken_without_them_and_then_any_metric_works(tmp_path: Path) -> None:
    assert printed(AT_THE_END + TRAIN, tmp_path)[-2:] == ["[]", "any metric works"]


def test_the_first_line_comes_before_torch(tmp_path: Path) -> None:
    """It says where the run will be, which takes Hydra alone."""
    code = (
        AT_THE_END
        + """
import convsweep.cli.console
def said(text):
    print(text, "torch" in sys.modules, flush=True)
    os._exit(0)
convsweep.cli.console.say = said
"""
        + TRAIN.replace("prepare_imports()", "")
        .replace("import lightning as L", "")
        .replace("L.Callback", "object")
    )
    assert re.fullmatch(r"run folder: outputs/\S+ False", printed(code, tmp_path)[0])
