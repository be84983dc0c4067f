"""A template's rehearsal loads W&B where the logger is W&B only, and settles what metrics are not."""

import subprocess
import sys

REHEARSE = """
import _abc, sys
from omegaconf import OmegaConf
from convsweep.startup import warm
import torch, torchmetrics
answered = lambda: torch.Tensor in {known() for known in _abc._get_dump(torchmetrics.Metric)[2]}
print(answered())
for logger in ({"_target_": None}, {"_target_": "convsweep.tracking.WandbLogger"}):
    warm.rehearse(OmegaConf.create({"logger": logger}))
    print(answered(), "wandb" in sys.modules)
print(len(sys.modules["convsweep.tracking.swift_wandb"].PACKAGES) > 50)
"""


def test_a_rehearsal_does_what_trials_would_do() -> None:
    done = subprocess.run([sys.executable, "-c", REHEARSE], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "False", "True", "True", "True"]
