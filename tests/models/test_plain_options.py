"""Optimisers and schedules get plain lists: they keep their options in the checkpoint, which is
read with weights alone.
"""

import io
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir

from convsweep.cli.hydra_version import main_options
from convsweep.training import build

CONF = Path(__file__).parents[2] / "conf"


class Keeper(torch.optim.SGD):
    """An optimiser that keeps a list as it got it, as Adam of torch 2.8 does."""

    def __init__(self, params: object, steps: list[float]) -> None:
        super().__init__(params)  # type: ignore[arg-type]
        self.param_groups[0]["steps"] = steps


@pytest.mark.parametrize("choice", ["optimizer=adamw", "optimizer=sgd", "a user's own"])
def test_a_checkpoint_of_an_optimiser_can_be_read(choice: str) -> None:
    with initialize_config_dir(str(CONF), **main_options()):
        cfg = compose("config", [choice] if "=" in choice else [])
    if "=" not in choice:
        cfg.optimizer = {"_target_": f"{__name__}.Keeper", "_partial_": True, "steps": [1, 2]}
    make, _ = build.build_optimizer(cfg)
    file = io.BytesIO()
    torch.save(make([torch.zeros(1, requires_grad=True)]).state_dict(), file)
    file.seek(0)
    assert torch.load(file, weights_only=True)["param_groups"]
