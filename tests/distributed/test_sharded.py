"""A network in parts learns what it learns whole, and its checkpoints are whole."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.conftest import NO_PICTURES, Train

from convsweep.training.build import load_model

pytestmark = pytest.mark.long

SHARDED = [
    "trainer=fsdp",
    "trainer.accelerator=cpu",
    "trainer.devices=2",
    "trainer.precision=32-true",
    "model.recompute=blocks",
]
COMMON = [
    "logger=none",
    "model.net.width=4",
    "trainer.sync_batchnorm=true",
    "trainer.gradient_clip_val=0.5",
    "test=false",
    *NO_PICTURES,
]


def test_two_shares_learn_what_one_network_does(train: Train, tmp_path: Path) -> None:
    def sharded(*overrides: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "convsweep", "train", *overrides],
            cwd=tmp_path,
            check=True,
            timeout=900,
        )

    sharded(*SHARDED, *COMMON, "trainer.max_epochs=1", "hydra.run.dir=shares")
    sharded("resume=shares", "trainer.max_epochs=2")
    whole = train(
        "trainer=cpu", "data.batch_size=128", *COMMON, "trainer.max_epochs=1", quick=False
    )
    train("resume=run", "trainer.max_epochs=2", quick=False)
    one, two = (
        load_model(folder / "checkpoints" / "last.ckpt") for folder in (whole, tmp_path / "shares")
    )
    torch.testing.assert_close(two.state_dict(), one.state_dict(), rtol=0, atol=1e-4)
