"""In front of and within a step, processes exchange nothing but gradients, and wait for no number."""

import json
import sys
from pathlib import Path

import pytest
import torch
from tests.conftest import ROOT
from tests.distributed.test_ranks import start

COUNT = "+callbacks.count._target_=rank_callbacks.Exchanges"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run in two processes that were watched."""
    options = ["trainer=ddp_cpu", "model.net.width=4", "trainer.max_epochs=2", "data.batch_size=16", "test=false", "logger=none"]
    place = tmp_path_factory.mktemp("watched")
    process = start(place, sys.executable, str(ROOT / "train.py"), *options, COUNT, "hydra.run.dir=run")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    return place / "run"


def test_a_step_sends_gradients_alone(folder: Path) -> None:
    for rank in (0, 1):
        _, second = json.loads((folder / f"exchanged_{rank}.json").read_text())
        steps = second.pop("steps")
        assert steps > 30
        assert second.pop("c10d.allreduce_") == steps, "one bucket of gradients"
        assert all(count <= 2 for count in second.values()), f"SIGTERM is asked for now and then, but there are {second}"


def test_all_processes_validate_with_the_buffers_of_the_first(folder: Path) -> None:
    first, second = (json.loads((folder / f"buffers_{rank}.json").read_text()) for rank in (0, 1))
    assert first == second
    kept = torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert all(kept[f"net.{name}"].tolist() == value for name, value in first.items())
    assert any("running_mean" in name for name in first)
