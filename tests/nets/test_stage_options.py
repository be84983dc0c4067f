"""Every option of a stage can be set for all stages, as a list and for one stage alone, from code
and from Hydra.
"""

from dataclasses import fields
from typing import Any

import pytest
import torch
from net_configs import preset
from torch import nn

from convsweep.errors import UserError
from convsweep.nets import ConvNet
from convsweep.nets.convnet_plan import plan_convnet
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.residual import StochasticDepth

BASE: dict[str, Any] = {"num_stages": 3, "width": 8, "width_growth": 1.0, "num_blocks": 2}
NEEDS: dict[str, dict[str, Any]] = {
    "bottleneck_ratio": {"block": "bottleneck"},
    "dense_growth": {"skip": "concat"},
    "norm_groups": {"norm": "group"},
    "pool_padding": {"pool_size": 3},
    "expansion": {"block": "inverted"},
    "attention_ratio": {"attention": "se"},
    "layer_scale": {"skip": "add"},
    "stochastic_depth": {"skip": "add"},
}
VALUES: dict[str, list[Any]] = {
    "width": [12],
    "num_blocks": [1, 3],
    "block": ["basic", "bottleneck", "separable", "inverted", "convnext"],
    "bottleneck_ratio": [2],
    "expansion": [1, 2.5],
    "kernel_size": [1, 2, 4, 5],
    "dilation": [2],
    "groups": [2, 8],
    "padding": ["valid", "full", 2],
    "downsample": ["none", "stride", "average", "blur", "patches"],
    "downsample_at": ["start"],
    "stride": [1, 3],
    "pool_size": [3],
    "pool_padding": [1],
    "skip": ["add", "concat"],
    "dense_growth": [3],
    "attention": ["se", "hard_se", "eca"],
    "attention_ratio": [2, 0.5],
    "layer_scale": [1e-3],
    "stochastic_depth": [0.5],
    "norm": ["none", "instance", "group", "layer", "channel"],
    "norm_groups": [2],
    "norm_eps": [1e-3],
    "norm_at": ["before"],
    "activation": ["gelu", "tanh", "relu6", "hard_swish", "mish", "none"],
    "dropout": [0.5],
}
CASES = [(name, value) for name, values in VALUES.items() for value in values]
SIZE = {1: (96,), 2: (64, 48), 3: (40, 40, 48)}


def fingerprint(net: nn.Module) -> list[str]:
    """Return what each layer of a network says of itself."""
    leaves = [repr(module) for module in net.modules() if not list(module.children())]
    return [
        *leaves,
        *(type(module).__name__ + str(getattr(module, "concat", "")) for module in net.modules()),
    ]


def trains(net: nn.Module, dim: int) -> bool:
    """Return whether the logits of a network are finite and reach every parameter with a
    gradient.
    """
    logits = net(torch.randn(2, 8, *SIZE[dim]))
    assert logits.shape == (2, 4)
    logits.square().sum().backward()
    return bool(logits.isfinite().all()) and all(
        parameter.grad is not None for parameter in net.parameters()
    )


def test_all_options_are_covered() -> None:
    assert VALUES.keys() == {field.name for field in fields(Stage)}


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize(("name", "value"), CASES)
def test_option_changes_the_network_in_all_stages_or_one(name: str, value: Any, dim: int) -> None:
    base = BASE | NEEDS.get(name, {})
    default = getattr(plan_convnet(**base).stages[0], name)

    def layers(**options: Any) -> list[str]:
        return fingerprint(ConvNet((8, *SIZE[dim]), 4, **base | options))

    everywhere, one_alone = layers(**{name: value}), layers(stages={2: {name: value}})
    assert layers(**{name: [value] * 3}) == everywhere != layers()
    assert layers(**{name: [default, value, default]}) == one_alone != layers()
    assert everywhere != one_alone
    assert trains(ConvNet((8, *SIZE[dim]), 4, **base, stages={2: {name: value}}), dim)


@pytest.mark.parametrize("first", range(0, len(VALUES), 3))
def test_option_reaches_one_stage_through_hydra(first: int) -> None:
    names = list(VALUES)[first : first + 3]  # one in each stage, since composing takes the time
    stages = {
        number: NEEDS.get(name, {}) | {name: VALUES[name][-1]}
        for number, name in enumerate(names, start=1)
    }
    base = [f"model.net.{key}={setting}" for key, setting in BASE.items()]
    chosen = [
        f"+model.net.stages.{number}.{key}={setting}"
        for number, options in stages.items()
        for key, setting in options.items()
    ]
    in_shape = (8, *SIZE[2])
    with torch.device("meta"):
        found = fingerprint(preset("convnet", in_shape, 4, [*base, *chosen]))
        assert found == fingerprint(ConvNet(in_shape, 4, **BASE, stages=stages))
        for number in stages:
            others = {key: options for key, options in stages.items() if key != number}
            assert found != fingerprint(ConvNet(in_shape, 4, **BASE, stages=others))


def test_one_stage_alone_wins_over_a_list() -> None:
    plan = plan_convnet(num_stages=2, kernel_size=[3, 5], stages={"2": {"kernel_size": 7}})
    assert [stage.kernel_size for stage in plan.stages] == [3, 7]


def kernels_of(net: nn.Module) -> list[int]:
    return [module.kernel_size[0] for module in net.modules() if isinstance(module, nn.Conv1d)]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"expansion": 4}, "net.expansion=4"),
        ({"bottleneck_ratio": 2, "block": "inverted"}, "net.bottleneck_ratio=2"),
        ({"groups": 2, "block": "separable"}, "net.groups=2"),
        ({"norm_at": "before", "block": "convnext"}, "net.norm_at=before"),
        ({"layer_scale": 0.1, "skip": "concat"}, "net.layer_scale=0.1"),
        ({"attention_ratio": 2, "attention": "eca"}, "net.attention_ratio=2"),
        (
            {"expansion": [None, 3, 3], "block": ["plain", "inverted", "plain"]},
            r"net.stages.3.expansion=3",
        ),
        (
            {"block": "inverted", "stages": {1: {"block": "basic", "expansion": 2}}},
            r"net.stages.1.expansion=2",
        ),
    ],
)
def test_option_of_another_block_is_refused(options: dict[str, Any], key: str) -> None:
    with pytest.raises(UserError, match=rf"{key} has a meaning for .* only; leave it at .*when: "):
        plan_convnet(num_stages=3, **options)


def test_option_for_all_stages_counts_in_those_where_it_has_a_meaning() -> None:
    plan = plan_convnet(num_stages=2, block=["plain", "inverted"], expansion=3, groups=2)
    assert [(stage.expansion, stage.groups) for stage in plan.stages] == [(None, 2), (3, 1)]


def test_stochastic_depth_rises_over_the_blocks_of_all_stages() -> None:
    options = {"num_stages": 2, "num_blocks": [2, 3], "skip": "add", "width": 8}
    net = ConvNet((8, 32), 3, width_growth=1, stochastic_depth=0.4, **options)
    drops = [module.probability for module in net.modules() if isinstance(module, StochasticDepth)]
    assert drops == pytest.approx([0.1, 0.2, 0.3, 0.4])


def test_list_of_kernels_in_a_stage_is_one_for_each_convolution_of_a_block() -> None:
    shared = {"num_stages": 2, "downsample": "none", "block": "basic"}
    net = ConvNet((1, 20), 3, kernel_size=[[8, 5, 3], 3], **shared)
    assert kernels_of(net) == [8, 5, 3, 3, 3]
    assert kernels_of(ConvNet((1, 20), 3, stages={2: {"kernel_size": [4]}}, **shared)) == [3, 3, 4]
    with_skips = ConvNet(
        (1, 20), 3, kernel_size=[[8, 5, 3], [8, 5, 3]], skip="add", width=16, **shared
    )
    # a convolution of width 1 where the channels change
    assert kernels_of(with_skips) == [8, 5, 3, 1, 8, 5, 3, 1]
    activated = [
        type(module)
        for module in with_skips.stages[0][0].body.modules()
        if isinstance(module, nn.ReLU)
    ]
    assert len(activated) == 2  # the third convolution is activated after the sum


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_head_for_every_position_is_the_same_layer_at_each(dim: int) -> None:
    head = {"output": "position", "hidden": [6], "dropout": 0.5}
    net = ConvNet(
        (2, *(9,) * dim),
        3,
        num_stages=2,
        width=4,
        kernel_size=1,
        downsample="none",
        norm="none",
        head=head,
    ).eval()
    x = torch.randn(2, 2, *(9,) * dim)
    y = net(x)
    assert y.shape == (2, 3, *(9,) * dim)
    moved = torch.roll(x, 4, -1)
    # all kernels have width 1: a position sees itself alone
    torch.testing.assert_close(net(moved), torch.roll(y, 4, -1))


def test_width_grows_from_stage_to_stage_where_it_is_one_number() -> None:
    assert [
        stage.width for stage in plan_convnet(num_stages=4, width=10, width_growth=1.5).stages
    ] == [10, 15, 22, 34]
    assert [stage.width for stage in plan_convnet(num_stages=2, width=[7, 5]).stages] == [7, 5]
    assert [
        stage.width
        for stage in plan_convnet(num_stages=2, width=4, stages={1: {"width": 9}}).stages
    ] == [9, 8]
    assert [
        stage.width for stage in plan_convnet(num_stages=3, width=2, width_growth=0.1).stages
    ] == [2, 1, 1]


def test_stem_and_head_borrow_from_first_and_last_stage() -> None:
    plan = plan_convnet(
        num_stages=2,
        norm=["none", "batch"],
        activation=["tanh", "gelu"],
        stages={2: {"activation": "silu"}},
    )
    assert (plan.stem.norm, plan.stem.activation, plan.head.activation) == ("none", "tanh", "silu")
    own = plan_convnet(stem={"norm": "layer", "activation": "elu"}, head={"activation": "sigmoid"})
    assert (own.stem.norm, own.stem.activation, own.head.activation) == ("layer", "elu", "sigmoid")
    without_stages = plan_convnet(num_stages=0, norm="none", activation="gelu")
    assert (without_stages.stem.norm, without_stages.head.activation) == ("none", "gelu")


def test_null_is_no_value() -> None:
    assert plan_convnet(stem=None, head=None, stages=None, pool_size=None) == plan_convnet()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_stem_and_head_in_any_number_of_axes(dim: int) -> None:
    stem = {"width": 8, "kernel_size": 4, "stride": 2, "pool": "average", "pool_padding": 1}
    head = {"pool": "max", "pool_size": 2, "hidden": [5, 6], "dropout": 0.5, "activation": "elu"}
    net = ConvNet((1, *(33,) * dim), 3, num_stages=1, stem=stem, head=head)
    x = torch.randn(2, 1, *(33,) * dim)
    # (33 + 3 - 4) // 2 + 1 = 17, then (17 + 2 - 3) // 2 + 1 = 9
    assert net.stem(x).shape[2:] == (9,) * dim
    assert net(x).shape == (2, 3)
    assert [m.in_features for m in net.modules() if isinstance(m, nn.Linear)] == [32 * 2**dim, 5, 6]
    assert sum(isinstance(m, nn.Dropout) for m in net.modules()) == 2


def test_head_convolves_and_normalises_around_its_pool() -> None:
    net = ConvNet((3, 16), 4, num_stages=1, head={"conv_width": 7, "norm": "channel"})
    kinds = [type(module).__name__ for module in net.head]
    assert kinds == ["Sequential", "AdaptiveAvgPool1d", "ChannelNorm", "Flatten", "Linear"]
    assert net.head[-1].in_features == 7


@pytest.mark.parametrize(("hidden", "count"), [([], 1), ([5], 1), ([5, 6], 2)])
def test_head_drops_behind_each_hidden_layer_or_before_the_last(
    hidden: list[int], count: int
) -> None:
    net = ConvNet((1, 8), 3, num_stages=1, head={"hidden": hidden, "dropout": 0.4})
    assert [module.p for module in net.modules() if isinstance(module, nn.Dropout)] == [0.4] * count
    assert isinstance(net.head[-1], nn.Linear)
    assert isinstance(net.head[-2], nn.Dropout)


@pytest.mark.parametrize("skip", ["none", "add", "concat"])
def test_pre_activation_without_a_norm_leaves_what_it_is_given(skip: str) -> None:
    net = ConvNet((4, 8), 3, num_stages=1, width=4, skip=skip, norm="none", norm_at="before")
    x = -torch.ones(2, 4, 8)
    net(x)
    assert (x == -1).all()
