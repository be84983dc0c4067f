"""Under copied weights the presets give the logits of torchvision's networks."""

import pytest
import torch
from net_configs import preset
from torch import nn
from torchvision import models

from convsweep.nets.torchvision_weights import copy_in_order

INPUT_SIZE = {
    "alexnet": 128,
    "vgg11": 96,
    "resnet18": 96,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "wide_resnet50_2": 33,
    "densenet121": 64,
    "regnet_y_400mf": 65,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 65,
    "mobilenet_v3_large": 64,
    "efficientnet_b0": 64,
    "convnext_tiny": 64,
}


def pair(name: str) -> tuple[nn.Module, nn.Module, torch.Tensor]:
    """Return torchvision's network, ours with its weights, and a batch."""
    theirs = models.get_model(name, num_classes=10)
    for module in theirs.modules():
        # statistics and gains that leave nothing of a mistake hidden
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
        if hasattr(module, "layer_scale"):
            nn.init.uniform_(module.layer_scale, 0.5, 1.5)
    size = INPUT_SIZE[name]
    ours = preset(name, (3, size, size), 10, ["model.net.init=torch"])
    copy_in_order(theirs, ours)
    return theirs, ours, torch.randn(2, 3, size, size)


@pytest.mark.parametrize("name", INPUT_SIZE)
def test_logits_equal_torchvisions(name: str) -> None:
    theirs, ours, x = pair(name)
    with torch.no_grad():
        expected = theirs.eval()(x)
        torch.testing.assert_close(ours.eval()(x), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "densenet121"])
def test_net_trains_as_torchvisions(name: str) -> None:
    theirs, ours, x = pair(name)
    for net in (theirs, ours):
        net.double().train()(x.double()).square().sum().backward()
    with torch.no_grad():
        torch.testing.assert_close(ours(x.double()), theirs(x.double()))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    for a, b in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(a, b)
