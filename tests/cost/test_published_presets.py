"""Presets of torchvision's networks cost and see what those do."""

import sys
from pathlib import Path

import pytest
import torch
from torchvision import models

from convsweep.cost import measure

sys.path.insert(0, str(Path(__file__).parents[1] / "nets"))
from net_configs import preset

SIDE = 224
SHAPE = (3, SIDE, SIDE)


@pytest.mark.parametrize(
    "name",
    [
        "resnext50_32x4d",
        "densenet121",
        "regnet_y_400mf",
        "mobilenet_v2",
        "mobilenet_v3_small",
        "mobilenet_v3_large",
        "efficientnet_b0",
        "convnext_tiny",
    ],
)
def test_preset_costs_and_sees_what_torchvisions_network_does(name: str) -> None:
    with torch.device("meta"):
        ours = measure(preset(name, SHAPE, 1000), SHAPE)
    theirs = measure(models.get_model(name).to("meta"), SHAPE)
    assert (ours.params, ours.macs) == (theirs.params, theirs.macs)
    assert ours.receptive_field.size == theirs.receptive_field.size
    table = models.get_model_weights(name).DEFAULT.meta
    assert ours.macs == pytest.approx(1e9 * table["_ops"], rel=0.02)
