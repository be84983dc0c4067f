"""Attention, blur, layer scale and stochastic depth against timm, torchvision and known values."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision.ops import SqueezeExcitation

from convsweep.errors import InfeasibleError
from convsweep.nets import ConvNet
from convsweep.nets.attention import EfficientChannelAttention, SqueezeExcite
from convsweep.nets.blocks import ChannelNorm
from convsweep.nets.blur import BlurPool
from convsweep.nets.residual import LayerScale, StochasticDepth
from convsweep.nets.torchvision_weights import copy_in_order


@pytest.fixture(scope="module")
def layers() -> Any:
    """Return timm's layers."""
    return pytest.importorskip("timm.layers")


@pytest.mark.parametrize("hard", [False, True])
def test_squeeze_and_excitation_equals_torchvisions(hard: bool) -> None:
    theirs = SqueezeExcitation(
        12, 4, activation=nn.ReLU, scale_activation=nn.Hardsigmoid if hard else nn.Sigmoid
    )
    ours = SqueezeExcite(2, 12, 4, "relu", hard)
    copy_in_order(theirs, ours)
    x = torch.randn(2, 12, 5, 7)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("channels", [3, 16, 64, 200, 512])
def test_efficient_channel_attention_equals_timms(layers: Any, channels: int) -> None:
    theirs, ours = layers.EcaModule(channels), EfficientChannelAttention(channels)
    copy_in_order(theirs, ours)
    x = torch.randn(2, channels, 5, 7)
    torch.testing.assert_close(ours(x), theirs(x))


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("spatial", [(8, 8), (9, 12)])
def test_blur_equals_timms(layers: Any, size: int, spatial: tuple[int, int]) -> None:
    theirs = layers.BlurPool2d(6, filt_size=size, stride=2)
    x = torch.randn(2, 6, *spatial)
    torch.testing.assert_close(BlurPool(2, 6, size, 2)(x), theirs(x))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_blur_keeps_constants_and_halves_an_axis(dim: int) -> None:
    y = BlurPool(dim, 4, 3, 2)(torch.full((1, 4, *(8,) * dim), 3.0))
    torch.testing.assert_close(y, torch.full((1, 4, *(4,) * dim), 3.0))


def test_blur_that_would_reflect_more_than_there_is_cannot_be_built() -> None:
    with pytest.raises(InfeasibleError, match=r"stage 2 .*downsample=blur reflects 2 .* gets 2"):
        ConvNet((1, 4), 2, num_stages=2, downsample="blur", pool_size=5)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_channel_norm_leaves_mean_0_and_variance_1_at_each_position(dim: int) -> None:
    y = ChannelNorm(16)(3 + 5 * torch.randn(2, 16, *(4,) * dim))
    torch.testing.assert_close(y.mean(1), torch.zeros_like(y.mean(1)), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        y.var(1, correction=0), torch.ones_like(y.mean(1)), atol=1e-4, rtol=0
    )


def test_layer_scale_begins_at_its_value() -> None:
    x = torch.randn(2, 3, 4)
    torch.testing.assert_close(LayerScale(3, 1, 0.1)(x), 0.1 * x)


def test_stochastic_depth_drops_whole_samples_while_training() -> None:
    torch.manual_seed(0)
    drop, x = StochasticDepth(0.25), torch.ones(4000, 2, 3)
    y = drop(x).flatten(1)
    assert torch.equal(y.amin(1), y.amax(1))
    assert set(y[:, 0].tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert y[:, 0].mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(drop.eval()(x), x)
