"""A fork server does not initialise CUDA, after which a forked process could not use its GPU."""

import subprocess
import sys

from tests.conftest import ROOT

WARM = """
from convsweep.training import warm_imports
import os, lightning, torch
# Lightning has NVML asked, which would answer without CUDA where it is there
os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"
asked = []
def watch(module, name):
    inner = getattr(module, name)
    setattr(module, name, lambda *args, **options: (asked.append(name), inner(*args, **options))[1])
watch(torch._C, "_cuda_getDeviceCount")
watch(torch.cuda, "_lazy_init")
torch.cuda.is_available()
print(asked)
asked.clear()
from hydra import compose, initialize_config_dir
from convsweep.training import feasibility
for overrides in ([], ["experiment=cifar10_fast"], ["experiment=unet_scenes", "trainer=gpu"]):
    with initialize_config_dir(CONF, version_base="1.3"):
        fixed = ["name=x", "trainer.default_root_dir=x", "logger=none"]
        cfg = compose("config", overrides=[*overrides, *fixed])
    print(feasibility.check(cfg)["params"] > 0)
print(asked, torch.cuda.is_initialized())
"""


def test_a_warm_template_has_not_asked_for_a_gpu() -> None:
    """It imports and checks."""
    code = WARM.replace("CONF", repr(str(ROOT / "conf")))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, asks, default, fast, unet, answer = done.stdout.splitlines()
    assert asks == "['_cuda_getDeviceCount']", "what is watched is what torch asks"
    assert (default, fast, unet) == ("True", "True", "True")
    assert answer == "[] False"
