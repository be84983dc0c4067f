"""The network fits the data, and a training of one epoch leaves a checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

import torch
from own_data import Shapes
from own_net import OwnNet

PROJECT = Path(__file__).parents[1]


def test_the_network_answers_the_data() -> None:
    data = Shapes(num_samples=30, noise=0.3)
    samples, _, _ = data.read()
    channels, *_ = data.describe().in_shape
    net = OwnNet(channels, num_classes=3, width=8)
    assert net(torch.from_numpy(samples.x)).shape == (30, 3)


def test_an_epoch_is_trained_and_kept(tmp_path: Path) -> None:
    config = ["--config-dir", "conf", "--config-name", "project"]
    options = [
        "trainer.max_epochs=1",
        "data.num_samples=300",
        "trainer=cpu",
        "logger=none",
        f"hydra.run.dir={tmp_path / 'run'}",
    ]
    subprocess.run(
        [sys.executable, "-m", "convsweep", "train", *config, *options], cwd=PROJECT, check=True
    )
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert 0 <= result["test"]["test/accuracy"] <= 1
