"""Under copied weights the presets give the logits of torchvision's networks."""

import pytest
import torch
from copied_weights import copy_in_order
from net_configs import preset
from torch import nn
from torchvision import models

INPUT_SIZE = {
    "alexnet": 128,
    "vgg11": 96,
    "vgg16": 64,
    "resnet18": 96,
    "resnet34": 65,
    "resnet50": 64,
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
    size = INPUT_SIZE[name]
    with torch.device("meta"):
        ours = preset(name, (3, size, size), 10, ["model.net.init=torch"])
    ours = ours.to_empty(device="cpu")
    copy_in_order(theirs, ours)
    return theirs, ours, torch.randn(2, 3, size, size)


@pytest.mark.parametrize("name", INPUT_SIZE)
def test_logits_equal_torchvisions(name: str) -> None:
    theirs, ours, x = pair(name)
    with torch.no_grad():
        expected = theirs.eval()(x)
        torch.testing.assert_close(ours.eval()(x), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_resnet_trains_as_torchvisions(name: str) -> None:
    theirs, ours, x = pair(name)
    for net in (theirs, ours):
        net.double().train()(x.double()).square().sum().backward()
    with torch.no_grad():
        torch.testing.assert_close(ours(x.double()), theirs(x.double()))
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    for a, b in zip(ours.buffers(), theirs.buffers(), strict=True):
        torch.testing.assert_close(a, b)
