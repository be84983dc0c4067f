"""`num_params` multiplies the widths: never more parameters, and hardly fewer."""

from typing import Any

import pytest
import torch
from net_configs import num_parameters, preset

from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import ConvNet, UNet
from convsweep.nets.convnet_plan import plan_convnet
from convsweep.nets.options import scale_width

INVERTED = {"block": "inverted", "skip": "add", "attention": "se", "stem": {"width": 16}}
NETS: list[tuple[type, tuple[int, ...], dict[str, Any]]] = [
    (ConvNet, (1, 28, 28), {"num_blocks": 2, "head": {"conv_width": 128, "hidden": [64]}}),
    (ConvNet, (3, 32, 32), INVERTED),
    (ConvNet, (1, 40), {"norm": "group", "width": [16, 24, 32]}),
    (ConvNet, (1, 8, 8, 8), {"groups": 4, "stem": {"width": 8}}),
    (ConvNet, (3, 16, 16), {"block": "bottleneck", "groups": 2, "skip": "add"}),
    (ConvNet, (1, 28, 28), {"num_stages": 0, "head": {"hidden": [100, 50]}}),
    (ConvNet, (1, 28, 28), {"stages": {2: {"skip": "concat", "dense_growth": 12}}}),
    (
        ConvNet,
        (8, 8),
        {"num_stages": 1, "num_blocks": 3, "width": 16, "skip": "concat", "groups": 8},
    ),
    (UNet, (1, 32, 32), {"decoder_width": 32}),
    (UNet, (1, 64), {"norm": "group", "norm_groups": 2, "block": "residual"}),
    (UNet, (3, 16, 16, 16), {"encoder": {"block": "basic", "skip": "add", "norm": "instance"}}),
]


@pytest.mark.parametrize("most", [60_000, 1_000_000])
@pytest.mark.parametrize(("family", "in_shape", "options"), NETS)
def test_widths_are_the_largest_within_the_number(
    family: type, in_shape: tuple[int, ...], options: dict[str, Any], most: int
) -> None:
    with torch.device("meta"):
        net = family(in_shape, 10, num_params=most, **options)
    assert 0.93 * most < num_parameters(net) <= most
    assert net(torch.zeros(2, *in_shape, device="meta")).shape[:2] == (2, 10)


@pytest.mark.parametrize("name", ["mobilenet_v2_32px", "resnet20"])
def test_a_preset_keeps_its_form(name: str) -> None:
    with torch.device("meta"):
        net = preset(name, overrides=["model.net.num_params=100_000"])
        whole = preset(name)
    assert 93_000 < num_parameters(net) <= 100_000
    assert [type(module) for module in net.modules()] == [
        type(module) for module in whole.modules()
    ]


def test_widths_keep_their_proportions() -> None:
    plan = plan_convnet(num_stages=3, width=10, stem={"width": 4}, head={"hidden": [7]}).scale(3)
    assert [stage.width for stage in plan.stages] == [30, 60, 120]
    assert (plan.stem.width, plan.head.hidden) == (12, (21,))
    assert [scale_width(10, factor, 4) for factor in (0, 0.5, 0.6, 1)] == [4, 4, 8, 8]


def test_the_search_draws_no_weights() -> None:
    sizes = {"num_stages": 2, "width": [9, 18]}
    first = ConvNet((1, 8, 8), 3, **sizes)
    torch.manual_seed(0)
    again = ConvNet((1, 8, 8), 3, **sizes, num_params=num_parameters(first))
    assert all(map(torch.equal, first.parameters(), again.parameters()))
    assert not any(parameter.is_meta for parameter in again.parameters())


@pytest.mark.parametrize(
    ("family", "options", "error", "message"),
    [
        (ConvNet, {"num_params": 20}, InfeasibleError, "num_params=20 cannot be kept.*the net has"),
        (ConvNet, {"num_params": 0}, UserError, "net.num_params must be a whole number >= 1"),
        (UNet, {"encoder": {"num_params": 9}}, UserError, "or set net.num_params, of the whole"),
    ],
)
def test_what_cannot_be_is_refused(
    family: type, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        family((1, 16, 16), 3, **options)
