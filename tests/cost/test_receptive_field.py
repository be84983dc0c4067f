"""The receptive field is the support of the input gradient, for any network, in 1-D, 2-D and 3-D."""

import random
from math import inf

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from convsweep.cost import measure
from convsweep.cost.field import Field, input_field
from convsweep.cost.trace import trace
from convsweep.errors import InfeasibleError
from convsweep.nets import ConvNet, UNet
from convsweep.nets.blocks import POOL

SIZES = {1: (211,), 2: (61, 67), 3: (23, 27, 25)}
"""Inputs small enough to be quick and large enough for windows away from the border."""


class Passing(nn.Module):
    """Max pool whose gradient reaches every position of its window, as the bound supposes."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        dim = next(dim for dim, kind in POOL["max"].items() if isinstance(pool, kind))
        self.pool = POOL["average"][dim](pool.kernel_size, pool.stride, pool.padding)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x)


def positive(net: nn.Module) -> nn.Module:
    """Let nothing cancel: positive weights, no activation that could be flat, averages for maxima."""
    for module in list(net.modules()):
        for child_name, child in list(module.named_children()):
            if isinstance(child, tuple(POOL["max"].values())):
                setattr(module, child_name, Passing(child))
    for param in net.parameters():
        nn.init.uniform_(param, 0.5, 1.5)
    return net.double().eval()


def support(net: nn.Module, in_shape: tuple[int, ...], position: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the first and last input position, along each axis, that one output position has a gradient to."""
    x = torch.ones(1, *in_shape, dtype=torch.float64, requires_grad=True)
    net(x)[(0, 0, *position)].backward()
    touched = x.grad[0].abs().sum(0) > 0
    spans = []
    for axis in range(touched.dim()):
        along = touched.movedim(axis, 0).reshape(touched.shape[axis], -1).any(1).nonzero().flatten()
        spans.append((int(along[0]), int(along[-1])))
    return spans


def field_of(net: nn.Module, in_shape: tuple[int, ...]) -> Field:
    """Return the field of what a network returns."""
    with torch.device("meta"):
        traced, out = trace(net.to("meta").eval(), in_shape)
    field = traced.field_of(out)
    assert field is not None
    return field


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
        for window, place, (first, last), size in zip(windows, position, span, in_shape[1:], strict=True):
            low, high = window.low(place), window.high(place)
            assert low <= first <= last <= high
            assert first == low or low < 0
            assert last == high or high >= size
            assert position != positions[0] or (low >= 0 and high < size), "the centre must be away from the border"


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
        "block": some("plain", "basic", "bottleneck"),
        "kernel_size": some(1, 2, 3, 4, 5),
        "dilation": some(1, 1, 2),
        "padding": some("same", "same", "valid", "full", 1),
        "downsample": some("none", "stride", "max", "average"),
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
        if all(2 * size < side for size, side in zip(measure(net, in_shape).receptive_field.size, in_shape[1:], strict=True)):
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
        in_shape, 2, depth=2, width=2, width_growth=1.0, norm="none", activation="none", init="torch",
        upsample=upsample, downsample=downsample, skip=skip, padding=padding,
    )  # fmt: skip
    assert_seen(positive(net), in_shape, net.out_spatial)


OPERATIONS = {
    "transposed, overlapping": nn.Sequential(nn.ConvTranspose2d(1, 1, 5, stride=2, padding=1), nn.Conv2d(1, 1, 3)),
    "transposed, dilated": nn.Sequential(
        nn.Conv2d(1, 1, 3, 2), nn.ConvTranspose2d(1, 1, 3, 3, 1, dilation=2), nn.Conv2d(1, 1, 3)
    ),
    "transposed, stride 3": nn.Sequential(nn.AvgPool2d(3), nn.ConvTranspose2d(1, 1, 3, 3), nn.Conv2d(1, 1, 2)),
    "enlarged by 3": nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(scale_factor=3.0), nn.Conv2d(1, 1, 3, 2)),
    "reduced by 2/3": nn.Sequential(nn.Conv2d(1, 1, 3), nn.Upsample(size=(18, 20), mode="nearest-exact")),
    "aligned corners": nn.Upsample(size=(57, 65), mode="bilinear", align_corners=True),
    "cubic": nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2.0, mode="bicubic")),
    "adaptive, divisible": nn.Sequential(nn.Conv2d(1, 1, (2, 6)), nn.AdaptiveAvgPool2d((7, 7))),
    "adaptive, uneven": nn.AdaptiveAvgPool2d((6, 5)),
    "pixel shuffle": nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 1, 3)),
    "pixel unshuffle": nn.Sequential(nn.ZeroPad2d((1, 0, 2, 1)), nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 3)),
    "reflected border": nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(1, 1, 3, dilation=2)),
    "square kernels unlike": nn.Sequential(nn.Conv2d(1, 1, (1, 7), (2, 1)), nn.AvgPool2d((3, 1), (1, 2))),
    "pool rounded up": nn.AvgPool2d(3, 2, ceil_mode=True),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_window_of_single_operations(name: str) -> None:
    net = positive(OPERATIONS[name])
    if "border" in name:
        net[0] = nn.ZeroPad2d(2)  # a reflected position is another one inside; only the bound is the same
    in_shape = (1, 29, 33)
    out_spatial = net(torch.zeros(1, *in_shape, dtype=torch.float64)).shape[2:]
    spans = {}
    for position in [tuple(size // 2 for size in out_spatial), tuple(size // 3 for size in out_spatial)]:
        spans[position] = support(net, in_shape, position)
    field = field_of(OPERATIONS[name], in_shape)
    for position, span in spans.items():
        for axis, (first, last) in enumerate(span):
            low, high = field.windows[axis].low(position[axis]), field.windows[axis].high(position[axis])
            if name == "cubic":  # its outer weights may be zero
                assert low <= first <= last <= high
            else:
                assert (first, last) == (max(0, low), min(in_shape[1 + axis] - 1, high)), (position, axis)


class ThroughTokens(nn.Module):
    """Channels last, positions in one dimension, and back: the window must survive."""

    def __init__(self, mix: nn.Module | None = None) -> None:
        super().__init__()
        self.before, self.mix, self.after = nn.Conv2d(1, 4, 3), mix or nn.Linear(4, 6), nn.Conv2d(6, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.before(x)
        height, width = x.shape[2:]
        tokens = self.mix(x.flatten(2).transpose(1, 2))
        return self.after(tokens.transpose(1, 2).unflatten(2, (height, width)))


class Attention(nn.Module):
    """Every position looks at all others."""

    def forward(self, tokens: Tensor) -> Tensor:
        x = torch.cat([tokens, tokens[..., :2]], dim=-1)
        return torch.nn.functional.scaled_dot_product_attention(x, x, x)


def test_window_survives_a_change_of_layout() -> None:
    field = field_of(ThroughTokens(), (1, 12, 10))
    assert [window.size for window in field.windows] == [5, 5]
    assert not field.everything


def test_attention_sees_everything() -> None:
    field = field_of(ThroughTokens(Attention()), (1, 12, 10))
    assert field.everything
    assert [window.size for window in field.windows] == [None, None]
    assert field.windows[0].low(3) == -inf


@pytest.mark.parametrize("kind", ["ReLU", "ReLU6", "GELU", "SiLU", "Hardswish", "Hardsigmoid", "Hardtanh", "PReLU", "RReLU",
                                  "ELU", "SELU", "CELU", "Mish", "Softplus", "LeakyReLU", "LogSigmoid", "Softsign", "Tanhshrink",
                                  "Hardshrink", "Softshrink", "Threshold", "GLU", "Dropout2d", "LocalResponseNorm"])  # fmt: skip
def test_activations_stay_at_their_position(kind: str) -> None:
    options = {"Threshold": (0.1, 0.0), "GLU": (1,), "LocalResponseNorm": (3,)}.get(kind, ())
    field = field_of(nn.Sequential(nn.Conv2d(1, 4, 3), getattr(nn, kind)(*options)), (1, 8, 9))
    assert [window.size for window in field.windows] == [3, 3]
    assert not field.everything


class Pyramid(nn.Module):
    """Parts of other resolutions, brought back with aligned corners: no two of them move in equal steps."""

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for size in (3, 6):
            small = nn.functional.adaptive_avg_pool2d(x, size)
            parts.append(nn.functional.interpolate(small, x.shape[2:], mode="bilinear", align_corners=True))
        return torch.cat(parts, dim=1)


def test_window_of_a_pyramid_is_the_support_of_its_gradient() -> None:
    net = positive(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), Pyramid(), nn.Conv2d(3, 1, 3, padding=1)))
    spans = {place: support(net, (1, 24, 30), place) for place in [(12, 15), (5, 20), (19, 8)]}
    field = field_of(net, (1, 24, 30))
    for place, span in spans.items():
        for axis, (first, last) in enumerate(span):
            assert first == max(0, field.windows[axis].low(place[axis]))
            assert last == min((24, 30)[axis] - 1, field.windows[axis].high(place[axis]))


class Gated(nn.Module):
    """A convolution and a squeeze-and-excitation gate (Hu et al. 2018)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.squeeze = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return x * self.squeeze(x.mean((2, 3), keepdim=True)).sigmoid()


def test_gate_sees_everything_and_leaves_the_window() -> None:
    field = field_of(nn.Sequential(Gated(), nn.Conv2d(4, 1, 3)), (1, 12, 10))
    assert field.everything
    assert [window.size for window in field.windows] == [5, 5]


class Shifted(nn.Module):
    """Writes into a part of a tensor, which cannot be followed."""

    def forward(self, x: Tensor) -> Tensor:
        out = torch.zeros_like(x)
        out[:, :, 1:] = x[:, :, :-1]
        return out


def test_what_cannot_be_followed_counts_as_everything() -> None:
    field = field_of(nn.Sequential(nn.Conv2d(1, 1, 3), Shifted()), (1, 12, 10))
    assert field.everything
    assert [window.size for window in field.windows] == [None, None]


PUBLISHED = {
    "alexnet": (195, 224),
    "vgg16": (212, 224),
    "mobilenet_v2": (491, 224),
    "inception_v3": (1311, 299),
    "resnet18": (435, 224),
    "resnet50": (427, 224),
    "efficientnet_b0": (851, 224),
}
"""Araujo et al. 2019 (Distill), table of receptive fields, where their nets are torchvision's. ResNet-18 by hand: 7x7 and pool
7 -> 11, then 4 convolutions at each jump of 4, 8, 16, 32, the first of a stage at the jump before it. ResNet-50 by hand: its
torchvision form has the stride in the 3x3 convolution (v1.5), 483 is the form with the stride in the 1x1 convolution."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_receptive_field_of_published_nets(name: str) -> None:
    size, side = PUBLISHED[name]
    options = {"init_weights": False, "aux_logits": False} if name == "inception_v3" else {}
    with torch.device("meta"):
        net = models.get_model(name, **options)
    assert measure(net, (3, side, side)).receptive_field.size == (size, size)


@pytest.mark.parametrize(("name", "size"), [("resnet50", 483), ("resnet101", 1027), ("resnet152", 1507)])
def test_receptive_field_of_resnets_with_their_stride_in_the_first_convolution(name: str, size: int) -> None:
    with torch.device("meta"):
        net = models.get_model(name)
    for block in net.modules():
        if isinstance(block, models.resnet.Bottleneck):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    assert measure(net, (3, 224, 224)).receptive_field.size == (size, size)


def test_receptive_field_by_layer() -> None:
    """LeNet-5: 5, pool 6, 5 at jump 2 is 14, pool 16, 5 at jump 4 is 32."""
    net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2), nn.Conv2d(16, 120, 5))
    layers = measure(net, (1, 32, 32)).layers[:-1]
    assert [layer.receptive_field.smallest for layer in layers] == [5, 6, 14, 16, 32]
    assert [layer.receptive_field.jump[0] for layer in layers] == [1, 2, 2, 4, 4]
    assert not any(layer.receptive_field.everything for layer in layers)


def test_perceptron_sees_everything() -> None:
    cost = measure(nn.Sequential(nn.Flatten(), nn.Linear(48, 10)), (1, 8, 6))
    assert cost.receptive_field.size == (8, 6)
    assert cost.receptive_field.everything


def test_input_sees_itself() -> None:
    assert input_field((2, 3, 4, 5)).stated((4, 5)).size == (1, 1)
