"""What a position sees is followed through single operations, changes of layout, gates and
attention.
"""

from math import inf

import pytest
import torch
from input_support import field_of, positive, support
from torch import Tensor, nn

from convsweep.cost.receptive_field.field import input_field

OPERATIONS = {
    "transposed, overlapping": nn.Sequential(
        nn.ConvTranspose2d(1, 1, 5, stride=2, padding=1), nn.Conv2d(1, 1, 3)
    ),
    "transposed, dilated": nn.Sequential(
        nn.Conv2d(1, 1, 3, 2), nn.ConvTranspose2d(1, 1, 3, 3, 1, dilation=2), nn.Conv2d(1, 1, 3)
    ),
    "transposed, stride 3": nn.Sequential(
        nn.AvgPool2d(3), nn.ConvTranspose2d(1, 1, 3, 3), nn.Conv2d(1, 1, 2)
    ),
    "enlarged by 3": nn.Sequential(
        nn.Conv2d(1, 1, 3), nn.Upsample(scale_factor=3.0), nn.Conv2d(1, 1, 3, 2)
    ),
    "reduced by 2/3": nn.Sequential(
        nn.Conv2d(1, 1, 3), nn.Upsample(size=(18, 20), mode="nearest-exact")
    ),
    "aligned corners": nn.Upsample(size=(57, 65), mode="bilinear", align_corners=True),
    "cubic": nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2.0, mode="bicubic")),
    "adaptive, divisible": nn.Sequential(nn.Conv2d(1, 1, (2, 6)), nn.AdaptiveAvgPool2d((7, 7))),
    "adaptive, uneven": nn.AdaptiveAvgPool2d((6, 5)),
    "pixel shuffle": nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), nn.Conv2d(1, 1, 3)),
    "pixel unshuffle": nn.Sequential(
        nn.ZeroPad2d((1, 0, 2, 1)), nn.PixelUnshuffle(2), nn.Conv2d(4, 1, 3)
    ),
    "reflected border": nn.Sequential(nn.ReflectionPad2d(2), nn.Conv2d(1, 1, 3, dilation=2)),
    "square kernels unlike": nn.Sequential(
        nn.Conv2d(1, 1, (1, 7), (2, 1)), nn.AvgPool2d((3, 1), (1, 2))
    ),
    "pool rounded up": nn.AvgPool2d(3, 2, ceil_mode=True),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_window_of_single_operations(name: str) -> None:
    net = positive(OPERATIONS[name])
    if "border" in name:
        # a reflected position is another one inside; only the bound is the same
        net[0] = nn.ZeroPad2d(2)
    in_shape = (1, 29, 33)
    out_spatial = net(torch.zeros(1, *in_shape, dtype=torch.float64)).shape[2:]
    spans = {}
    for position in [
        tuple(size // 2 for size in out_spatial),
        tuple(size // 3 for size in out_spatial),
    ]:
        spans[position] = support(net, in_shape, position)
    field = field_of(OPERATIONS[name], in_shape)
    for position, span in spans.items():
        for axis, (first, last) in enumerate(span):
            low, high = (
                field.windows[axis].low(position[axis]),
                field.windows[axis].high(position[axis]),
            )
            if name == "cubic":  # its outer weights may be zero
                assert low <= first <= last <= high
            else:
                assert (first, last) == (max(0, low), min(in_shape[1 + axis] - 1, high)), (
                    position,
                    axis,
                )


class ThroughTokens(nn.Module):
    """Channels last, positions in one dimension, and back: the window must survive."""

    def __init__(self, mix: nn.Module | None = None) -> None:
        super().__init__()
        self.before, self.mix, self.after = (
            nn.Conv2d(1, 4, 3),
            mix or nn.Linear(4, 6),
            nn.Conv2d(6, 1, 3),
        )

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


@pytest.mark.parametrize(
    "kind",
    [
        "ReLU",
        "ReLU6",
        "GELU",
        "SiLU",
        "Hardswish",
        "Hardsigmoid",
        "Hardtanh",
        "PReLU",
        "RReLU",
        "ELU",
        "SELU",
        "CELU",
        "Mish",
        "Softplus",
        "LeakyReLU",
        "LogSigmoid",
        "Softsign",
        "Tanhshrink",
        "Hardshrink",
        "Softshrink",
        "Threshold",
        "GLU",
        "Dropout2d",
        "LocalResponseNorm",
    ],
)
def test_activations_stay_at_their_position(kind: str) -> None:
    options = {"Threshold": (0.1, 0.0), "GLU": (1,), "LocalResponseNorm": (3,)}.get(kind, ())
    field = field_of(nn.Sequential(nn.Conv2d(1, 4, 3), getattr(nn, kind)(*options)), (1, 8, 9))
    assert [window.size for window in field.windows] == [3, 3]
    assert not field.everything


class Pyramid(nn.Module):
    """Parts of other resolutions, brought back with aligned corners: no two of them move in equal
    steps.
    """

    def forward(self, x: Tensor) -> Tensor:
        parts = [x]
        for size in (3, 6):
            small = nn.functional.adaptive_avg_pool2d(x, size)
            parts.append(
                nn.functional.interpolate(small, x.shape[2:], mode="bilinear", align_corners=True)
            )
        return torch.cat(parts, dim=1)


def test_window_of_a_pyramid_is_the_support_of_its_gradient() -> None:
    net = positive(
        nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), Pyramid(), nn.Conv2d(3, 1, 3, padding=1))
    )
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


def test_input_sees_itself() -> None:
    assert input_field((2, 3, 4, 5)).receptive_field_of((4, 5)).size == (1, 1)
