"""A UNet on the stem and stages of a ConvNet: equality with another implementation, resolutions,
skips and messages.
"""

from typing import Any

import pytest
import torch
from net_configs import num_parameters, preset
from torch import nn

from convsweep.cost import measure
from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import UNet
from convsweep.nets.torchvision_weights import copy_in_order, weights_in_order
from convsweep.nets.unet_plan import plan_unet

STRIDED: dict[str, Any] = {"downsample": "stride", "downsample_at": "start"}
ENCODERS: list[dict[str, Any]] = [
    {"num_stages": 2},
    {"num_stages": 2, "downsample": ["max", "none"], "stem": {"width": 3}},
    {"num_stages": 2, "skip": "concat", "num_blocks": 2},
    {"num_stages": 2, "block": "inverted", "skip": "add", "downsample": "blur", "stride": 2},
    {
        "num_stages": 2,
        **STRIDED,
        "block": "basic",
        "skip": "add",
        "stem": {"width": 4, "stride": 2},
    },
    {"num_stages": 2, **STRIDED, "stride": 3, "kernel_size": 3},
    {"num_stages": 1, "downsample": "patches", "stride": 4, "norm_at": "before"},
]


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("encoder", ENCODERS, ids=str)
def test_any_input_size_is_returned(encoder: dict[str, Any], dim: int) -> None:
    in_shape = (2, *(17, 26, 9)[:dim])
    net = UNet(in_shape, 3, encoder={"width": 4, **encoder}, attention="gate")
    y = net(torch.randn(2, *in_shape))
    assert y.shape == (2, 3, *in_shape[1:])
    y.square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())


def test_is_the_unet_of_segmentation_models_pytorch() -> None:
    smp = pytest.importorskip("segmentation_models_pytorch")
    theirs = smp.Unet("resnet18", encoder_weights=None, classes=2).eval()
    theirs.segmentation_head = nn.Identity()
    ours = preset("unet_resnet18", (3, 64, 64), 2).eval()
    ours.head = nn.Identity()
    assert num_parameters(ours) == num_parameters(theirs)
    for module in theirs.modules():  # statistics that are not those of a new network
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
    copy_in_order(theirs.encoder, ours.encoder_in_order())
    decoder = theirs.decoder.state_dict()
    for index, risen in enumerate((512, 256, 128, 64)):  # they put the skipped maps last
        weight = decoder[f"blocks.{index}.conv1.0.weight"]
        weight.copy_(torch.cat([weight[:, risen:], weight[:, :risen]], dim=1))
    copy_in_order(decoder, ours.decoder)
    for index, risen in enumerate((512, 256, 128, 64)):
        weight = decoder[f"blocks.{index}.conv1.0.weight"]
        skipped = weight.shape[1] - risen
        weight.copy_(torch.cat([weight[:, skipped:], weight[:, :skipped]], dim=1))
    x = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-3, atol=1e-4)


def test_skips_are_what_the_classifier_computes_before_each_halving() -> None:
    options = {"num_stages": 3, "width": [4, 5, 6], "num_blocks": 2, "stem": {"width": 3}}
    net = UNet((1, 16), 2, encoder=options)
    assert [len(level) for level in net.encoder] == [3, 2, 2, 0]
    assert net.joined == [2, 1, 0]
    assert [level[0][0].in_channels for level in net.decoder] == [12, 10, 8]


def test_resolutions_that_the_encoder_leaves_out_are_risen_to_without_a_skip() -> None:
    net = UNet((1, 64), 2, encoder={"num_stages": 1, "width": 8, "stem": {"width": 8, "stride": 8}})
    assert net.joined == [1, None, None, None]
    assert [level[0][0].out_channels for level in net.decoder] == [8, 4, 2, 1]


def test_preset_of_the_command_line_is_the_encoder() -> None:
    overrides = ["+model/net@model.net.encoder=mobilenet_v3_small"]
    with torch.device("meta"):
        net = preset("unet", (1, 30, 30), 2, overrides)
        other = preset("unet_resnet18", (3, 64, 64), 2, ["model/net@model.net.encoder=resnet34"])
    assert net.joined == [4, 3, 2, 1, None]
    assert num_parameters(other) == 14_328_098 + 21_797_672 - 11_689_512


def test_cost_and_receptive_field_are_known() -> None:
    cost = measure(preset("unet_resnet18", (3, 64, 64), 2), (3, 64, 64))
    assert cost.out_shape == (2, 64, 64)
    assert cost.receptive_field is not None
    assert min(cost.receptive_field.size) > 435  # of ResNet-18's last stage


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": 3}, "net.encoder must be a group of options by name, but is 3"),
        ({"encoder": {"_target_": "a.Net"}}, "net.encoder must be a ConvNet, but is a.Net"),
        ({"encoder": {"widht": 3}}, "net.encoder has no option 'widht'"),
        ({"encoder": {"stem": {"width": 0}}}, "net.encoder.stem.width must be"),
        ({"encoder": {}, "depth": 3}, "net.depth=3 .* at 4, or set net.encoder.num_stages"),
        ({"encoder": {}, "width": 3}, "net.width=3 .* at 64, or set net.encoder.width"),
        ({"encoder": {}, "padding": "valid"}, "use padding=same"),
    ],
)
def test_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        plan_unet(**options)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"padding": "valid", "num_stages": 1}, "one makes 14 of 16; use net.encoder.padding=same"),
        ({"downsample": "none"}, "must lower the resolution once or more, but never does"),
        ({"groups": 3}, "stage 1 of 3 cannot be built.*change net.encoder.stages.1"),
        (
            {"norm": "instance", "num_stages": 4, "downsample_at": "start"},
            "stage 4 of 4 .*use num_stages=3",
        ),
    ],
)
def test_encoder_that_does_not_fit_is_infeasible(encoder: dict[str, Any], message: str) -> None:
    with pytest.raises(InfeasibleError, match=message):
        UNet((1, 16), 2, encoder={"width": 4, **encoder})


def test_weights_come_in_the_order_of_the_layers() -> None:
    stem = {"width": 3, "pool": "max", "pool_padding": 1}
    encoder = {"num_stages": 2, **STRIDED, "width": 4, "stem": stem}
    net = UNet((2, 16), 2, encoder=encoder)
    shapes = [tuple(each.shape) for each in weights_in_order(net.encoder_in_order().state_dict())]
    assert [shape for shape in shapes if len(shape) == 3] == [(3, 2, 3), (4, 3, 3), (8, 4, 3)]


def test_parts_for_fine_tuning_hold_every_weight_once() -> None:
    net = UNet((1, 16), 2, encoder={"num_stages": 2, "width": 4}, attention="gate")
    names, parts = zip(*net.depth_parts(), strict=True)
    assert names == ("encoder 0", "encoder 1", "encoder 2", "decoder 0", "decoder 1", "head")
    assert sum(num_parameters(part) for part in parts) == num_parameters(net)
