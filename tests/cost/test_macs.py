"""Multiply-accumulates by hand, by torch's own counter, and as published."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from convsweep.cost import measure
from convsweep.nets import ConvNet, UNet

BY_HAND = {
    "convolution": (nn.Conv2d(3, 8, 5, padding=2), (3, 10, 12), 10 * 12 * 8 * 3 * 25),
    "with stride": (nn.Conv2d(3, 8, 3, stride=2), (3, 11, 11), 5 * 5 * 8 * 3 * 9),
    "with dilation": (nn.Conv2d(3, 8, 3, dilation=2), (3, 11, 11), 7 * 7 * 8 * 3 * 9),
    "in groups": (nn.Conv2d(8, 16, 3, groups=4, padding=1), (8, 6, 6), 36 * 16 * 2 * 9),
    "by channel": (nn.Conv2d(8, 8, 3, groups=8, padding=1), (8, 6, 6), 36 * 8 * 9),
    "1-D": (nn.Conv1d(2, 4, 7), (2, 30), 24 * 4 * 2 * 7),
    "3-D": (nn.Conv3d(2, 4, 3, padding=1), (2, 4, 5, 6), 120 * 4 * 2 * 27),
    "transposed": (nn.ConvTranspose2d(8, 4, 2, stride=2), (8, 5, 5), 25 * 8 * 4 * 4),
    "transposed in groups": (
        nn.ConvTranspose2d(8, 4, 3, stride=2, groups=2),
        (8, 5, 5),
        25 * 8 * 2 * 9,
    ),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(48, 10)), (3, 4, 4), 48 * 10),
    "linear without bias": (
        nn.Sequential(nn.Flatten(), nn.Linear(48, 10, bias=False)),
        (3, 4, 4),
        48 * 10,
    ),
    "none": (nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)), (3, 4, 4), 0),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_macs_by_hand(name: str) -> None:
    net, in_shape, macs = BY_HAND[name]
    cost = measure(net, in_shape)
    assert cost.macs == macs
    assert sum(layer.macs for layer in cost.layers) == macs


# Billions on 3x224x224, as torchvision states them with its weights (`_ops`).
PUBLISHED = {
    "alexnet": 0.714,
    "vgg11": 7.609,
    "vgg16": 15.47,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "densenet121": 2.834,
    "mobilenet_v2": 0.301,
    "efficientnet_b0": 0.386,
    "convnext_tiny": 4.456,
    "vit_b_16": 17.564,
    "swin_t": 4.491,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_macs_as_published(name: str) -> None:
    with torch.device("meta"):
        cost = measure(models.get_model(name), (3, 224, 224))
    assert cost.macs / 1e9 == pytest.approx(PUBLISHED[name], abs=6e-4)
    assert cost.params == models.get_model_weights(name).DEFAULT.meta["num_params"]


@pytest.mark.parametrize(
    "net",
    [
        ConvNet((2, 17, 19), 5, num_stages=2, width=8, block="bottleneck", skip="concat", groups=2),
        ConvNet(
            (2, 17, 19),
            5,
            num_stages=2,
            width=8,
            downsample="stride",
            skip="add",
            head={"pool": "none", "hidden": [7]},
        ),
        UNet((2, 17, 19), 5, depth=2, width=4, upsample="transposed"),
        UNet(
            (2, 17, 19), 5, depth=2, width=4, upsample="linear", norm="instance", block="residual"
        ),
    ],
    ids=["dense", "residual", "unet", "unet, interpolated"],
)
def test_macs_agree_with_torchs_counter_on_real_tensors(net: nn.Module) -> None:
    net.eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(3, 2, 17, 19))
    assert 3 * measure(net, (2, 17, 19)).macs == counter.get_total_flops() // 2


def test_macs_of_a_layer_called_twice_add_up() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(2, 2, 3, padding=1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(self.conv(x))

    cost = measure(Twice(), (2, 5, 5))
    assert cost.macs == 2 * 25 * 4 * 9
    assert [(layer.name, layer.params, layer.macs) for layer in cost.layers] == [
        ("conv", 38, cost.macs),
        ("", 0, 0),
    ]
    assert cost.layers[0].receptive_field is not None
    assert cost.layers[0].receptive_field.size == (5, 5)
