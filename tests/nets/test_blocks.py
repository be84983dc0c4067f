"""The parts: normalisations, activations, groups, the draw of weights, cropping."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from convsweep.errors import InfeasibleError
from convsweep.nets import ConvNet
from convsweep.nets.blocks import (
    ACTIVATION,
    activation,
    center_crop_or_pad,
    conv,
    conv_norm_act,
    norm,
    pool,
)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_norms_are_what_their_names_say(dim: int) -> None:
    x = 3 + 2 * torch.randn(4, 6, *(7, 5, 4)[:dim])
    spatial = tuple(x.shape[2:])
    axes = tuple(range(2, dim + 2))

    def standard(y: torch.Tensor, over: tuple[int, ...]) -> torch.Tensor:
        return (y - y.mean(over, keepdim=True)) / (
            y.var(over, unbiased=False, keepdim=True) + 1e-5
        ).sqrt()

    grouped = standard(x.unflatten(1, (3, 2)), tuple(range(2, dim + 3))).flatten(1, 2)
    expected = {
        "batch": standard(x, (0, *axes)),
        "instance": standard(x, axes),
        "layer": standard(x, (1, *axes)),
        "group": grouped,
    }
    for kind, y in expected.items():
        torch.testing.assert_close(norm(kind, dim, 6, 3, spatial)(x), y, rtol=1e-4, atol=1e-4)
    assert norm("none", dim, 6, 3, spatial) is None


@pytest.mark.parametrize("kind", ["batch", "instance", "group", "layer"])
def test_every_norm_learns_scale_and_shift(kind: str) -> None:
    assert [tuple(p.shape) for p in norm(kind, 2, 6, 3, (4, 4)).parameters()] == [(6,), (6,)]


@pytest.mark.parametrize("kind", ["none", "batch", "instance", "group", "layer"])
def test_convolution_has_a_bias_only_where_no_norm_removes_it(kind: str) -> None:
    layer = conv_norm_act(2, 4, 8, (5, 5), 3, norm_kind=kind)[0]
    assert (layer.bias is not None) == (kind == "none")


@pytest.mark.parametrize("kind", sorted(ACTIVATION))
def test_activation_equals_torchs_and_trains(kind: str) -> None:
    functions = {
        "none": lambda x: x,
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "hard_swish": F.hardswish,
    }
    x = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(
        activation(kind)(x.clone()), functions.get(kind, getattr(F, kind, None))(x)
    )
    layers = conv_norm_act(1, 1, 4, (13,), 3, norm_kind="none", activation_kind=kind)
    layers(x.view(1, 1, -1)).square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in layers.parameters())


def test_groups_see_only_their_own_channels() -> None:
    layer = conv(2, 4, 6, 3, groups=2)
    x = torch.randn(1, 4, 5, 5, requires_grad=True)
    layer(x)[:, :3].sum().backward()
    assert x.grad[:, :2].abs().sum() > 0
    assert x.grad[:, 2:].abs().sum() == 0
    assert sum(p.numel() for p in layer.parameters()) == 6 * 2 * 9 + 6


def test_groups_must_divide_the_channels() -> None:
    with pytest.raises(InfeasibleError, match="groups=4 must divide in_channels=6"):
        conv(2, 6, 8, 3, groups=4)
    with pytest.raises(InfeasibleError, match="groups=4 must divide out_channels=6"):
        conv(2, 8, 6, 3, groups=4)


def test_dilated_kernel_touches_every_second_position() -> None:
    x = torch.zeros(1, 1, 11, requires_grad=True)
    conv(1, 1, 1, 3, dilation=2)(x)[0, 0, 5].backward()
    assert x.grad.flatten().nonzero().flatten().tolist() == [3, 5, 7]


def test_overlapping_pool() -> None:
    x = torch.tensor([[[1.0, 5.0, 2.0, 0.0, 7.0]]])
    assert pool(1, "max", 3, 2)(x).flatten().tolist() == [5.0, 7.0]
    assert pool(1, "average", 3, 1)(x).flatten().tolist() == pytest.approx([8 / 3, 7 / 3, 3.0])


def test_pool_padding_is_at_most_half_the_window() -> None:
    with pytest.raises(
        InfeasibleError, match="pool_padding=2 must be at most half the window, 1 for pool_size=3"
    ):
        pool(2, "max", 3, 2, 2)


def test_he_draws_with_the_variance_of_the_fan_out() -> None:
    net = ConvNet((16, 32, 32), 10, num_stages=1, width=128, kernel_size=5)
    weight = next(m for m in net.modules() if isinstance(m, nn.Conv2d)).weight
    expected = math.sqrt(2 / (128 * 25))
    assert float(weight.detach().std()) == pytest.approx(expected, rel=0.02)
    assert abs(float(weight.detach().mean())) < 0.02 * expected


def test_he_starts_from_no_bias_and_torch_leaves_its_own_draw() -> None:
    he = ConvNet((3, 8, 8), 10, norm="none", init="he")
    assert all(bool((m.bias == 0).all()) for m in he.modules() if isinstance(m, nn.Conv2d))
    torch.manual_seed(5)
    left = ConvNet((3, 8, 8), 10, num_stages=1, norm="none", init="torch")
    torch.manual_seed(5)
    torch.testing.assert_close(next(left.parameters()), nn.Conv2d(3, 32, 3, padding=1).weight)


def test_fit_to_crops_around_the_centre_and_pads_with_zeros() -> None:
    x = torch.arange(1.0, 7.0).view(1, 1, 6)
    assert center_crop_or_pad(x, (4,)).flatten().tolist() == [2, 3, 4, 5]
    assert center_crop_or_pad(x, (3,)).flatten().tolist() == [2, 3, 4]
    assert center_crop_or_pad(x, (9,)).flatten().tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 0]
    assert center_crop_or_pad(x, (6,)) is x


@pytest.mark.parametrize("size", range(1, 12))
def test_fit_to_undoes_itself(size: int) -> None:
    x = torch.randn(1, 2, size, 12 - size)
    multiple = [-(-positions // 8) * 8 for positions in x.shape[2:]]
    assert torch.equal(center_crop_or_pad(center_crop_or_pad(x, multiple), x.shape[2:]), x)
