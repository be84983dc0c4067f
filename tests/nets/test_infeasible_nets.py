"""A ConvNet that cannot be built says which stage, which rule and what would fit; the advice
builds.
"""

import re
from typing import Any

import pytest

from convsweep.errors import InfeasibleError, UserError
from convsweep.nets import ConvNet

INFEASIBLE = [
    (
        {"num_stages": 5},
        (1, 8, 8),
        4,
        "a pool with pool_size=2, stride=2 spans 2 positions with padding 0, but gets 1x1",
    ),
    (
        {"pool_size": 3},
        (1, 9),
        3,
        "a pool with pool_size=3, stride=2 spans 3 positions with padding 0, but gets 1",
    ),
    (
        {"padding": "valid", "kernel_size": 5},
        (1, 20, 20),
        3,
        "a convolution with kernel_size=5, stride=1, dilation=1 spans 5",
    ),
    (
        {"padding": "valid", "dilation": 4},
        (3, 24, 24),
        2,
        "kernel_size=3, stride=1, dilation=4 spans 9 positions with padding valid",
    ),
    (
        {"padding": "valid", "kernel_size": [3, 9, 3]},
        (3, 16, 16),
        2,
        "kernel_size=9, stride=1, dilation=1 spans 9 positions",
    ),
    ({"groups": 3, "width": [3, 6, 8]}, (3, 32, 32), 3, "groups=3 must divide out_channels=8"),
    ({"groups": 2}, (3, 32, 32), 1, "groups=2 must divide in_channels=3"),
    (
        {"norm": "group", "width": [8, 16, 20]},
        (3, 32, 32),
        3,
        "norm_groups=8 must divide the 20 channels",
    ),
    (
        {"norm": "instance", "downsample_at": "start"},
        (3, 4, 4),
        2,
        "norm=instance needs more than one position a feature map",
    ),
    (
        {"stages": {2: {"pool_padding": 2}}},
        (3, 32, 32),
        2,
        "pool_padding=2 must be at most half the window, 1 for pool_size=2",
    ),
    (
        {"skip": "concat", "norm": "group", "num_blocks": 3},
        (3, 32, 32),
        1,
        "norm_groups=8 must divide the 10 channels",
    ),
    (
        {"stages": {3: {"kernel_size": 40, "padding": 0}}},
        (3, 32, 32),
        3,
        "kernel_size=40, stride=1, dilation=1 spans 40 positions",
    ),
]


def refusal(options: dict[str, Any], in_shape: tuple[int, ...]) -> str:
    """Return the message with which a network is refused."""
    with pytest.raises(InfeasibleError) as caught:
        ConvNet(in_shape, 10, **options)
    assert caught.value.kind == "infeasible"
    return str(caught.value)


@pytest.mark.parametrize(("options", "in_shape", "stage", "rule"), INFEASIBLE)
def test_message_names_stage_rule_and_remedy(
    options: dict[str, Any], in_shape: tuple[int, ...], stage: int, rule: str
) -> None:
    message = refusal(options, in_shape)
    num_stages = options.get("num_stages", 3)
    assert message.startswith(f"stage {stage} of {num_stages} cannot be built: ")
    assert rule in message
    assert f"change net.stages.{stage} (" in message
    assert "\n" not in message


@pytest.mark.parametrize(("options", "in_shape", "stage", "rule"), INFEASIBLE)
def test_advice_builds(
    options: dict[str, Any], in_shape: tuple[int, ...], stage: int, rule: str
) -> None:
    message = refusal(options, in_shape)
    advice = re.search(
        r"use num_stages=(\d+)(?: \((.*?) cut to \d+\))?, which fits on the input", message
    )
    if stage == 1:
        assert advice is None
        return
    assert advice is not None
    fitting = int(advice[1])
    assert fitting == stage - 1
    cut = advice[2].split(" and ") if advice[2] else []
    assert sorted(cut) == sorted(
        name for name, value in options.items() if isinstance(value, list | dict)
    )
    followed = {
        name: value[:fitting] if isinstance(value, list) else value
        for name, value in options.items()
    }
    if "stages" in cut:
        followed["stages"] = {
            number: own for number, own in options["stages"].items() if number <= fitting
        }
    assert len(ConvNet(in_shape, 10, **followed | {"num_stages": fitting}).stages) == fitting


@pytest.mark.parametrize(
    ("stem", "rule"),
    [
        (
            {"width": 8, "kernel_size": 11, "padding": "valid"},
            "a convolution with kernel_size=11, stride=1 spans 11 positions",
        ),
        ({"width": 12}, "norm_groups=8 must divide the 12 channels"),
        (
            {"pool": "max", "pool_size": 9},
            "a pool with pool_size=9, stride=2 spans 9 positions with padding 0, but gets 8x8",
        ),
        (
            {"pool": "max", "pool_padding": 2},
            "pool_padding=2 must be at most half the window, 1 for pool_size=3",
        ),
        (
            {"width": 8, "stride": 8, "norm": "instance"},
            "norm=instance needs more than one position a feature map, but gets 1x1",
        ),
    ],
)
def test_stem_that_cannot_be_built_is_named(stem: dict[str, Any], rule: str) -> None:
    message = refusal({"stem": stem, "norm": "group"}, (3, 8, 8))
    assert message.startswith("the stem cannot be built: ")
    assert rule in message
    assert "change net.stem (" in message


@pytest.mark.parametrize("in_shape", [(3,), (3, 2, 2, 2, 2)])
def test_input_has_one_to_three_axes(in_shape: tuple[int, ...]) -> None:
    assert "must have channels and 1 to 3 spatial axes" in refusal({}, in_shape)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernal_size": 3}, "net has no option 'kernal_size'; did you mean 'kernel_size'?"),
        ({"num_stage": 3}, "net has no option 'num_stage'; did you mean 'num_stages'?"),
        (
            {"norm": "bach"},
            (
                "net.norm must be one of none, batch, instance, group, layer, channel, but is"
                " 'bach'; did you mean 'batch'?"
            ),
        ),
        (
            {"norm": False},
            "net.norm must be one of none, batch, instance, group, layer, channel, but is False",
        ),
        (
            {"stages": {2: {"kernel_siz": 3}}},
            "net.stages.2 has no option 'kernel_siz'; did you mean 'kernel_size'?",
        ),
        (
            {"stages": {2: {"kernel_size": 0}}},
            "net.stages.2.kernel_size must be a whole number >= 1, but is 0",
        ),
        ({"stages": {4: {}}}, "net.stages.4 must name a stage by its number, 1 to num_stages=3"),
        ({"stages": {0: {}}}, "net.stages.0 must name a stage"),
        ({"stages": {"two": {}}}, "net.stages.two must name a stage"),
        ({"stages": {2: 5}}, "net.stages.2 must be a group of options by name, but is 5"),
        ({"stages": [1, 2, 3]}, "net.stages must be a group of options by name"),
        ({"stem": {"wide": 3}}, "net.stem has no option 'wide'; did you mean 'width'?"),
        ({"stem": "resnet"}, "net.stem must be a group of options by name, but is 'resnet'"),
        (
            {"head": {"hidden": 64}},
            "net.head.hidden must be a list of whole numbers >= 1, but is 64",
        ),
        ({"head": {"hidden": [64, 0]}}, "net.head.hidden must be a whole number >= 1, but is 0"),
        (
            {"head": {"pool": "mean"}},
            "net.head.pool must be one of none, average, max, but is 'mean'",
        ),
        (
            {"kernel_size": [3, 5]},
            (
                "net.kernel_size must have num_stages=3 values, or be one value for all, but has 2:"
                " [3, 5]"
            ),
        ),
        (
            {"kernel_size": [3, 5, "a"]},
            "net.stages.3.kernel_size must be a whole number >= 1, but is 'a'",
        ),
        ({"kernel_size": 3.0}, "net.kernel_size must be a whole number >= 1, but is 3.0"),
        ({"kernel_size": True}, "net.kernel_size must be a whole number >= 1, but is True"),
        ({"width": "wide"}, "net.width must be a whole number >= 1, but is 'wide'"),
        ({"width_growth": -1}, "net.width_growth must be a number > 0, but is -1"),
        ({"width_growth": float("nan")}, "net.width_growth must be a number > 0, but is nan"),
        ({"num_stages": -1}, "net.num_stages must be a whole number >= 0, but is -1"),
        (
            {"num_stages": 0, "width": [3, 3]},
            "net.width must be a whole number >= 1, but is [3, 3]",
        ),
        (
            {"kernel_size": [[3, 0], 3, 3]},
            "net.stages.1.kernel_size must be a whole number >= 1, but is 0",
        ),
        (
            {"kernel_size": [[], 3, 3]},
            "net.stages.1.kernel_size must be a number, or for block=plain and basic a list",
        ),
        (
            {"block": "bottleneck", "stages": {2: {"kernel_size": [3, 5]}}},
            "but is [3, 5] for block=bottleneck",
        ),
        (
            {"head": {"output": "pixel"}},
            "net.head.output must be one of sample, position, but is 'pixel'",
        ),
        (
            {"padding": -1},
            "net.padding must be one of same, valid, full or a whole number >= 0, but is -1",
        ),
        ({"pool_size": 0}, "net.pool_size must be a whole number >= 1 or null, but is 0"),
        ({"dropout": 1.0}, "net.dropout must be a probability, 0 <= dropout < 1, but is 1.0"),
        ({"init": "xavier"}, "net.init must be one of he, torch, but is 'xavier'"),
    ],
)
def test_wrong_option_is_answered_with_the_rule(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        ConvNet((3, 32, 32), 10, **options)
    assert message in str(caught.value)
    assert not isinstance(caught.value, InfeasibleError)
