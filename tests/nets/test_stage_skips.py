"""Skips: what is added, what is concatenated, and that neither costs more than it must."""

import pytest
import torch
from net_configs import num_parameters
from torch import nn

from convsweep.nets import stage as stage_module
from convsweep.nets.convnet_stage import Stage
from convsweep.nets.residual import SkipBlock
from convsweep.nets.stage_layers import Shape, in_order, shape_after


def build_stage(stage: Stage, in_shape: Shape) -> tuple[nn.Sequential, Shape]:
    """Return a stage and the shape of its output."""
    laid = stage_module.build_stage(stage, in_shape)
    return in_order(laid), shape_after(laid, in_shape)


def skips(module: nn.Module) -> list[SkipBlock]:
    return [part for part in module.modules() if isinstance(part, SkipBlock)]


@pytest.mark.parametrize("block", ["plain", "basic", "bottleneck"])
def test_adding_costs_nothing_where_shapes_agree(block: str) -> None:
    plain, _ = build_stage(
        Stage(width=16, num_blocks=3, block=block, downsample="none"), (16, 8, 8)
    )
    added, shape = build_stage(
        Stage(width=16, num_blocks=3, block=block, downsample="none", skip="add"), (16, 8, 8)
    )
    assert num_parameters(added) == num_parameters(plain)
    assert all(isinstance(skip.shortcut, nn.Identity) for skip in skips(added))
    assert shape == (16, 8, 8)


@pytest.mark.parametrize(
    ("options", "in_channels", "learnt"),
    [
        ({"downsample": "none"}, 8, [True, False]),  # the width changes
        ({"downsample": "stride", "downsample_at": "start"}, 16, [True, False]),
        ({"downsample": "stride", "downsample_at": "end"}, 16, [False, True]),
        ({"downsample": "stride", "downsample_at": "end"}, 8, [True, True]),
        ({"downsample": "max", "downsample_at": "start"}, 16, [False, False]),
        ({"downsample": "average"}, 16, [False, False]),
    ],
)
def test_shortcut_is_learnt_only_where_shapes_differ(
    options: dict[str, str], in_channels: int, learnt: list[bool]
) -> None:
    stage, shape = build_stage(
        Stage(width=16, num_blocks=2, skip="add", **options), (in_channels, 8, 8)
    )
    assert [not isinstance(skip.shortcut, nn.Identity) for skip in skips(stage)] == learnt
    assert stage(torch.randn(2, in_channels, 8, 8)).shape[1:] == shape


def test_block_that_gives_nothing_passes_its_input_on() -> None:
    stage, _ = build_stage(
        Stage(
            width=4, block="basic", skip="add", downsample="none", norm="none", activation="relu"
        ),
        (4, 6),
    )
    for parameter in stage.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 4, 6)
    assert torch.equal(stage(x), x.relu())


def test_dense_block_keeps_its_input_and_adds_its_growth() -> None:
    stage, shape = build_stage(
        Stage(width=10, num_blocks=3, skip="concat", dense_growth=4, downsample="none"), (5, 8)
    )
    first, second, third, transition = stage
    x = torch.randn(2, 5, 8)
    widths = []
    y = x
    for block in (first, second, third):
        before, y = y, block(y)
        assert torch.equal(y[:, : before.shape[1]], before)
        widths.append(y.shape[1])
    assert widths == [9, 13, 17]
    assert transition(y).shape[1:] == shape == (10, 8)


@pytest.mark.parametrize(("width", "num_blocks", "growth"), [(12, 3, 4), (10, 4, 2), (2, 3, 1)])
def test_dense_growth_shares_the_width_among_the_blocks(
    width: int, num_blocks: int, growth: int
) -> None:
    stage, shape = build_stage(Stage(width=width, num_blocks=num_blocks, skip="concat"), (3, 8))
    assert [
        skip.body(torch.randn(2, 3 + growth * i, 8)).shape[1] for i, skip in enumerate(skips(stage))
    ] == [growth] * num_blocks
    assert shape == (width, 4)


@pytest.mark.parametrize("skip", ["none", "add", "concat"])
@pytest.mark.parametrize("downsample", ["none", "stride", "max", "average"])
@pytest.mark.parametrize("downsample_at", ["start", "end"])
@pytest.mark.parametrize("padding", ["same", "valid", "full", 0])
@pytest.mark.parametrize("kernel_size", [2, 3])
def test_shape_stated_is_the_shape_computed(
    skip: str, downsample: str, downsample_at: str, padding: str | int, kernel_size: int
) -> None:
    for block in ("plain", "basic", "bottleneck"):
        stage = Stage(
            width=6,
            num_blocks=2,
            block=block,
            skip=skip,
            downsample=downsample,
            downsample_at=downsample_at,
            padding=padding,
            kernel_size=kernel_size,
            dilation=2,
            pool_size=3,
        )
        module, shape = build_stage(stage, (3, 49, 40))
        assert module(torch.randn(2, 3, 49, 40)).shape[1:] == shape
        assert shape[0] == 6


@pytest.mark.parametrize("skip", ["none", "add", "concat"])
@pytest.mark.parametrize("downsample", ["stride", "max", "average"])
@pytest.mark.parametrize("downsample_at", ["start", "end"])
def test_stage_steps_down_once_whatever_does_it(
    skip: str, downsample: str, downsample_at: str
) -> None:
    stage = Stage(
        width=6,
        num_blocks=3,
        skip=skip,
        downsample=downsample,
        downsample_at=downsample_at,
        stride=3,
    )
    assert build_stage(stage, (3, 27, 27))[1] == (6, 9, 9)


def test_dropout_drops_whole_maps_behind_each_block_in_training_only() -> None:
    stage, _ = build_stage(
        Stage(
            width=64,
            num_blocks=2,
            dropout=0.5,
            downsample="none",
            norm="none",
            activation="sigmoid",
        ),
        (3, 4, 4),
    )
    assert sum(isinstance(module, nn.Dropout2d) for module in stage) == 2
    maps = stage.train()(torch.randn(2, 3, 4, 4)).flatten(2)
    dropped = (maps == 0).all(dim=2)
    assert 0.3 < float(dropped.float().mean()) < 0.7
    assert bool((maps[~dropped] != 0).all())
    assert bool((stage.eval()(torch.randn(2, 3, 4, 4)) != 0).all())


def test_border_of_a_valid_block_is_cut_from_what_it_adds() -> None:
    stage, _ = build_stage(
        Stage(
            width=2, skip="add", padding="valid", downsample="none", norm="none", activation="none"
        ),
        (2, 7),
    )
    for parameter in stage.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(1, 2, 7)
    assert torch.equal(stage(x), x[..., 1:-1])
