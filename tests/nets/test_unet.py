"""UNet: any input size under `same`, the sizes that fit under `valid`, and every option."""

from typing import Any

import pytest
import torch
from net_configs import preset
from torch import nn

from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import UNet
from convsweep.nets.residual import LayerScale, SkipBlock, StochasticDepth
from convsweep.nets.unet_gate import AttentionGate
from convsweep.nets.unet_plan import plan_unet
from convsweep.nets.unet_sizes import fitting_shapes, level_sizes

SMALL: dict[str, Any] = {"depth": 2, "width": 4}
OPTIONS = [
    {"downsample": "average"},
    {"downsample": "stride"},
    {"upsample": "nearest"},
    {"upsample": "linear"},
    {"upsample": "nearest_only"},
    {"upsample": "linear_only"},
    {"attention": "gate"},
    {"attention": "gate", "skip": "add"},
    {"decoder_width": 3},
    {"deep_supervision": 1},
    {"decoder_width": [3, 5], "skip": "add"},
    {"skip": "add"},
    {"skip": "none"},
    {"block": "residual"},
    {"block": "convnext", "norm": "channel"},
    {"norm": "none"},
    {"norm": "instance"},
    {"norm": "group", "norm_groups": 2},
    {"norm": "layer"},
    {"kernel_size": 2},
    {"kernel_size": 5},
    {"dropout": 0.3},
    {"num_convs": 1},
    {"num_convs": [1, 2, 3]},
    {"width": [4, 6, 8]},
    {"width_growth": 1.0},
    {"depth": 1},
    {"activation": "gelu"},
    {"init": "torch"},
]


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_option_changes_the_network_and_keeps_the_size(options: dict[str, Any], dim: int) -> None:
    in_shape = (3, *(16, 24, 20)[:dim])
    net = UNet(in_shape, 5, **SMALL | options)
    x = torch.randn(2, *in_shape)
    y = net(x)
    assert y.shape == (2, 5 * net.num_outputs, *in_shape[1:])
    assert net.out_spatial == in_shape[1:]
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    if "init" not in options:
        assert repr(net) != repr(UNet(in_shape, 5, **SMALL))


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (16, 16), (17, 31), (33, 50)])
def test_any_size_fits_under_same(size: tuple[int, int]) -> None:
    net = UNet((1, *size), 3, depth=3, width=4)
    assert net(torch.randn(2, 1, *size)).shape == (2, 3, *size)
    assert net(torch.randn(2, 1, 21, 9)).shape == (2, 3, 21, 9)


@pytest.mark.parametrize("size", range(4, 13))
def test_output_lies_where_its_input_lies_at_every_size(size: int) -> None:
    """With convolutions that pass on what they get, the network is the identity at the top level,
    and so must sit on it.
    """
    net = UNet(
        (1, size, 17 - size),
        1,
        depth=2,
        width=1,
        width_growth=1.0,
        num_convs=1,
        skip="add",
        norm="none",
        activation="none",
    )
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)
    for conv in [net.encoder[0][0][0], net.decoder[-1][0][0]]:
        conv.weight.data[0, 0, 1, 1] = 1
    net.head.weight.data.fill_(1)
    x = torch.randn(1, 1, size, 17 - size)
    torch.testing.assert_close(net(x), x)


def test_skips_carry_what_pooling_loses() -> None:
    x = torch.randn(2, 1, 16, 16)
    concat, none = (UNet((1, 16, 16), 2, **SMALL, skip=skip) for skip in ("concat", "none"))
    assert sum(p.numel() for p in concat.decoder.parameters()) > sum(
        p.numel() for p in none.decoder.parameters()
    )
    assert concat.decoder[0][0][0].in_channels == 2 * none.decoder[0][0][0].in_channels
    assert concat(x).shape == none(x).shape


@pytest.mark.parametrize(("upsample", "mode"), [("nearest", "nearest"), ("linear", "bilinear")])
def test_interpolation_enlarges_between_the_positions(upsample: str, mode: str) -> None:
    net = UNet((1, 8, 8), 2, depth=1, width=4, upsample=upsample)
    x = torch.randn(2, 8, 4, 4)
    # corners not aligned: positions are areas
    enlarged = nn.functional.interpolate(x, scale_factor=2, mode=mode)
    torch.testing.assert_close(net.up[0][0](x), enlarged)


def test_residual_level_adds_its_input() -> None:
    net = UNet((4, 8, 8), 2, depth=1, width=4, block="residual")
    blocks = [module for module in net.modules() if isinstance(module, SkipBlock)]
    assert len(blocks) == 3
    assert isinstance(blocks[0].shortcut, nn.Identity)
    assert not isinstance(blocks[1].shortcut, nn.Identity)


def test_gate_multiplies_by_what_the_paper_computes() -> None:
    gate = AttentionGate(1, 4, 3, 2)
    x, below = torch.randn(2, 4, 8), torch.randn(2, 3, 4)
    looked = torch.einsum("ock,ncpk->nop", gate.look.weight, x.unflatten(2, (4, 2)))
    asked = torch.einsum("oc,ncp->nop", gate.gating.weight[:, :, 0], below)
    summed = (looked + asked + gate.gating.bias[:, None]).clamp_min(0)
    score = torch.einsum("oc,ncp->nop", gate.score.weight[:, :, 0], summed) + gate.score.bias
    factors = nn.functional.interpolate(1 / (1 + (-score).exp()), scale_factor=2, mode="linear")
    torch.testing.assert_close(gate(x, below), factors * x)


def test_gate_takes_cropped_maps_under_valid() -> None:
    net = UNet((1, 28, 28), 2, depth=1, width=4, padding="valid", attention="gate")
    assert net(torch.randn(1, 1, 28, 28)).shape[2:] == net.out_spatial


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_outputs_of_lower_levels_follow_in_training_alone(padding: str) -> None:
    net = UNet((1, 92, 92), 3, depth=3, width=2, padding=padding, norm="none", deep_supervision=2)
    x, alone = torch.randn(2, 1, 92, 92), UNet((1, 92, 92), 3, depth=3, width=2, norm="none")
    outputs = net(x)
    assert outputs.shape == (2, 9, *net.out_spatial)
    torch.testing.assert_close(net.eval()(x), outputs[:, :3])
    assert [head[0].in_channels for head in net.lower_heads] == [4, 8]
    assert net.num_outputs == 3
    assert alone.num_outputs == 1


def test_outputs_of_lower_levels_lie_where_those_of_the_first_do() -> None:
    """A spot far down in the maps of every level is a spot at the same place in every output."""
    net = UNet((1, 44), 1, depth=2, width=1, padding="valid", norm="none", deep_supervision=1)
    for module in net.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    x = torch.zeros(1, 1, 44)
    x[..., 21:23] = 1
    for output in net(x)[0]:
        torch.testing.assert_close(output, output.flip(0))


def test_convnext_level_adds_its_blocks_at_one_width() -> None:
    net = UNet((3, 8, 8), 2, depth=1, width=4, block="convnext", norm="channel", kernel_size=7)
    entry, *blocks = net.decoder[0]
    assert (entry[0].in_channels, entry[0].out_channels) == (8, 4)
    assert [block.body[0].groups for block in blocks] == [4, 4]
    assert all(isinstance(block.shortcut, nn.Identity) for block in blocks)


def test_convnext_blocks_are_scaled_and_skipped_more_often_with_depth() -> None:
    options = {"depth": 1, "width": 4, "num_convs": [1, 2], "block": "convnext", "norm": "channel"}
    net = UNet((3, 8, 8), 2, **options, layer_scale=0.5, stochastic_depth=0.3)
    dropped = [part.probability for part in net.modules() if isinstance(part, StochasticDepth)]
    assert dropped == pytest.approx([0.1, 0.2, 0.3]), (
        "the first of the four blocks is never skipped"
    )
    scales = [part.scale for part in net.modules() if isinstance(part, LayerScale)]
    assert [len(scale) for scale in scales] == [4, 8, 8, 4]
    assert all((scale == 0.5).all() for scale in scales)
    with pytest.raises(
        UserError, match=r"net.layer_scale=0.5 .* need block=convnext, but block=pl"
    ):
        UNet((3, 8, 8), 2, layer_scale=0.5)


def test_widths_and_convolutions_a_level() -> None:
    net = UNet((1, 16), 2, depth=2, width=[3, 5, 7], num_convs=[1, 3, 2])
    convs = [
        [(m.in_channels, m.out_channels) for m in level.modules() if isinstance(m, nn.Conv1d)]
        for level in net.encoder
    ]
    assert convs == [[(1, 3)], [(3, 5), (5, 5), (5, 5)], [(5, 7), (7, 7)]]
    assert plan_unet(depth=3, width=10, width_growth=1.5).widths == [10, 15, 22, 34]


@pytest.mark.parametrize(("size", "out"), [(188, 4), (572, 388), (204, 20)])
def test_valid_leaves_what_the_paper_says(size: int, out: int) -> None:
    encoder, decoder = level_sizes(plan_unet(padding="valid"), (size, size))
    assert encoder[0] == (size - 4, size - 4)
    assert decoder[-1] == (out, out)


@pytest.mark.parametrize("kernel_size", [2, 3, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("downsample", ["max", "stride"])
def test_size_that_the_message_advises_builds(
    kernel_size: int, depth: int, downsample: str
) -> None:
    options = {
        "padding": "valid",
        "depth": depth,
        "kernel_size": kernel_size,
        "downsample": downsample,
    }
    for size in (5, 51, 97):
        with pytest.raises(InfeasibleError) as caught:
            UNet((1, size), 2, width=2, **options)
        advised = fitting_shapes(plan_unet(**options), (size,))
        assert (
            f"use an input of {' or '.join(str(shape[0]) for shape in advised)}, or padding=same"
            in str(caught.value)
        )
        for shape in advised:
            net = UNet((1, *shape), 2, width=2, **options)
            assert net(torch.randn(2, 1, *shape)).shape[2:] == net.out_spatial


def test_size_that_does_not_fit_is_named_with_level_and_remedy() -> None:
    with pytest.raises(InfeasibleError) as caught:
        preset("unet_paper", (1, 570, 572), 2)
    message = str(caught.value)
    assert "depth=4 cannot take 570x572" in message
    assert "level 2 must halve an even number of positions, but gets 279x280" in message
    assert "use an input of 556x572 or 572x572, or padding=same" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"norm": "instance", "depth": 3},
            r"level 3 of the encoder.*more than one position.*gets 1x1;.*smaller depth",
        ),
        (
            {"norm": "group", "width": [8, 12, 16], "depth": 2},
            r"level 1 .*norm_groups=8 must divide the 12 channels; choose",
        ),
    ],
)
def test_level_that_cannot_be_built_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InfeasibleError, match=message):
        UNet((1, 8, 8), 2, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widht": 3}, "net has no option 'widht'; did you mean 'width'"),
        (
            {"width": [1, 2]},
            (
                r"net.width must have depth \+ 1=5 values, or be one value for all, but has 2:"
                r" \[1, 2\]"
            ),
        ),
        (
            {"num_convs": [2, 2, 0], "depth": 2},
            "net.num_convs must be a whole number >= 1, but is 0",
        ),
        ({"depth": 0}, "net.depth must be a whole number >= 1"),
        ({"depth": 2.0}, "net.depth must be a whole number >= 1"),
        ({"width_growth": 0}, "net.width_growth must be a number > 0, but is 0"),
        ({"dropout": 1.0}, "net.dropout must be a probability"),
        (
            {"upsample": "bilinear"},
            "net.upsample must be one of transposed, nearest, linear.*did you mean 'linear'",
        ),
        ({"padding": "valid", "block": "residual"}, "padding=valid.*use padding=same"),
        ({"skip": "none", "attention": "gate"}, "but skip=none; use skip=concat"),
        ({"skip": "add", "upsample": "linear_only"}, "use upsample=linear, or skip=concat"),
        ({"deep_supervision": 4}, "net.deep_supervision must be at most 3, .* is 4; use 3"),
        (
            {"deep_supervision": 0},
            "net.deep_supervision must be one of none or a whole number >= 1",
        ),
        ({"decoder_width": [4, 8]}, "net.decoder_width must have decoder levels=4 values"),
    ],
)
def test_wrong_option_is_answered_with_the_rule(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        UNet((1, 64, 64), 2, **options)
