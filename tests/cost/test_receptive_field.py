"""The receptive field is the support of the input gradient, for any network, in 1-D, 2-D and
3-D.
"""

import random

import pytest
import torch
from input_support import field_of, positive, support
from torch import nn
from torchvision import models

from convsweep.cost import measure
from convsweep.errors import InfeasibleError
from convsweep.nets import ConvNet, UNet

# Inputs small enough to be quick and large enough for windows away from the border.
SIZES = {1: (211,), 2: (61, 67), 3: (23, 27, 25)}


def assert_seen(net: nn.Module, in_shape: tuple[int, ...], out_spatial: tuple[int, ...]) -> None:
    """Check windows against gradients at several output positions, the centre first.

    They agree to the position inside the input; at its border a window may have holes.
    """
    draw = random.Random(0)
    positions = [tuple(size // 2 for size in out_spatial)]
    positions += [tuple(draw.randrange(size) for size in out_spatial) for _ in range(3)]
    spans = [support(net, in_shape, position) for position in positions]
    windows = field_of(net, in_shape).windows
    for position, span in zip(positions, spans, strict=True):
        for window, place, (first, last), size in zip(
            windows, position, span, in_shape[1:], strict=True
        ):
            low, high = window.low(place), window.high(place)
            assert low <= first <= last <= high
            assert first == low or low < 0
            assert last == high or high >= size
            assert position != positions[0] or (low >= 0 and high < size), (
                "the centre must be away from the border"
            )


def random_options(draw: random.Random) -> dict[str, object]:
    """Return options of a ConvNet drawn over everything that moves or widens a window."""
    num_stages = draw.choice([1, 2, 3])

    def some(*values: object) -> list[object]:
        return [draw.choice(values) for _ in range(num_stages)]

    return {
        "num_stages": num_stages,
        "width": 2,
        "width_growth": 1.0,
        "num_blocks": some(1, 2),
        "block": some("plain", "basic", "bottleneck", "separable", "inverted", "convnext"),
        "kernel_size": some(1, 2, 3, 4, 5),
        "dilation": some(1, 1, 2),
        "padding": some("same", "same", "valid", "full", 1),
        "downsample": some("none", "stride", "max", "average", "blur", "patches"),
        "downsample_at": some("start", "end"),
        "stride": some(1, 2, 3),
        "pool_size": some(None, 2, 3),
        "skip": some("none", "add", "concat"),
        "norm": some("none", "batch"),
        "activation": "none",
        "init": "torch",
        "head": {"pool": "none"},
    }


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_window_is_the_support_of_the_gradient_of_random_nets(dim: int, seed: int) -> None:
    draw, in_shape = random.Random(f"{dim} {seed}"), (1, *SIZES[dim])
    while True:
        try:
            net = ConvNet(in_shape, 2, **random_options(draw))
        except InfeasibleError:
            continue
        if all(
            2 * size < side
            for size, side in zip(
                measure(net, in_shape).receptive_field.size, in_shape[1:], strict=True
            )
        ):
            break
    features = positive(nn.Sequential(net.stem, net.stages))
    out_spatial = features(torch.zeros(1, *in_shape, dtype=torch.float64)).shape[2:]
    assert_seen(features, in_shape, tuple(out_spatial))


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("upsample", ["transposed", "nearest", "linear"])
@pytest.mark.parametrize(
    ("downsample", "skip", "padding"),
    [("max", "concat", "same"), ("stride", "none", "same"), ("average", "add", "valid")],
)
def test_window_of_a_unet_is_the_support_of_its_gradient(
    dim: int, upsample: str, downsample: str, skip: str, padding: str
) -> None:
    in_shape = (1, *{1: (124,), 2: (100, 108)}[dim])
    net = UNet(
        in_shape,
        2,
        depth=2,
        width=2,
        width_growth=1.0,
        norm="none",
        activation="none",
        init="torch",
        upsample=upsample,
        downsample=downsample,
        skip=skip,
        padding=padding,
    )
    assert_seen(positive(net), in_shape, net.out_spatial)


# Araujo et al. 2019 (Distill), table of receptive fields, where their nets are torchvision's.
# ResNet-18 by hand: 7x7 and pool 7 -> 11, then 4 convolutions at each jump of 4, 8, 16, 32, the
# first of a stage at the jump before it. ResNet-50 by hand: its torchvision form has the stride in
# the 3x3 convolution (v1.5), 483 is the form with the stride in the 1x1 convolution.
PUBLISHED = {
    "alexnet": (195, 224),
    "vgg16": (212, 224),
    "mobilenet_v2": (491, 224),
    "inception_v3": (1311, 299),
    "resnet18": (435, 224),
    "resnet50": (427, 224),
    "efficientnet_b0": (851, 224),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_receptive_field_of_published_nets(name: str) -> None:
    size, side = PUBLISHED[name]
    options = {"init_weights": False, "aux_logits": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        net = models.get_model(name, **options)
    assert measure(net, (3, side, side)).receptive_field.size == (size, size)


@pytest.mark.parametrize(
    ("name", "size"), [("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507)]
)
def test_receptive_field_of_resnets_with_their_stride_in_the_first_convolution(
    name: str, size: int
) -> None:
    with torch.device("meta"):
        net = models.get_model(name)
    for block in net.modules():
        if isinstance(block, models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    assert measure(net, (3, 224, 224)).receptive_field.size == (size, size)


def test_receptive_field_by_layer() -> None:
    """LeNet-5: 5, pool 6, 5 at jump 2 is 14, pool 16, 5 at jump 4 is 32."""
    net = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 120, 5),
    )
    layers = measure(net, (1, 32, 32)).layers[:-1]
    assert [layer.receptive_field.smallest for layer in layers] == [5, 6, 14, 16, 32]
    assert [layer.receptive_field.jump[0] for layer in layers] == [1, 2, 2, 4, 4]
    assert not any(layer.receptive_field.everything for layer in layers)


def test_perceptron_sees_everything() -> None:
    cost = measure(nn.Sequential(nn.Flatten(), nn.Linear(48, 10)), (1, 8, 6))
    assert cost.receptive_field.size == (8, 6)
    assert cost.receptive_field.everything
