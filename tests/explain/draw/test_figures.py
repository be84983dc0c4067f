"""Figures hold what is true of the network: places of weights, windows, maps, and how far layers
shift with their input.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from convsweep.cost import measure
from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError
from convsweep.explain.draw.feature_maps import draw_maps, of_positions
from convsweep.explain.draw.field import draw_field, fields
from convsweep.explain.draw.figures import (
    FIGURES,
    NothingToDrawError,
    draw_figures,
    kernels,
    small_enough,
)
from convsweep.explain.draw.filters import draw_filters
from convsweep.explain.draw.layers import Ran, choose_layer, run_layers, with_matrix
from convsweep.explain.draw.matrix import corner, draw_matrix, square
from convsweep.explain.draw.planes import plane
from convsweep.explain.draw.shift import shift_gaps
from convsweep.explain.draw.subject import DrawSubject
from convsweep.linear_map import linear_map
from convsweep.nets import ConvNet


def net_for(in_shape: tuple[int, ...], **options: object) -> ConvNet:
    torch.manual_seed(0)
    return ConvNet(in_shape, 3, num_stages=2, width=4, **options).eval()


def test_layers_are_named_with_what_they_take_and_return() -> None:
    net = net_for((2, 12, 10), kernel_size=4)
    layers = with_matrix(run_layers(net, torch.zeros(1, 2, 12, 10)))
    assert [layer.name for layer in layers] == [
        "stages.0.0.0.0",
        "stages.1.0.0.0",
        "head.0",
        "head.2",
    ]
    assert layers[0].in_shape == (2, 12, 10)
    assert layers[0].y.shape == (1, 4, 12, 10)
    assert isinstance(layers[0].module, nn.Sequential), "an even kernel goes with the pad before it"
    assert kernels(layers[0].module) is not None
    assert kernels(layers[3].module) is None
    assert choose_layer(layers, "head.2") is layers[3]
    with pytest.raises(
        UserError, match=r"--layer must be one of stages\.0\.0\.0\.0, .* but is 'stages\.0'"
    ):
        choose_layer(layers, "stages.0")


def test_outputs_are_kept_as_they_were_before_an_activation_in_place() -> None:
    layers = {
        layer.name: layer for layer in run_layers(net_for((1, 8, 8)), torch.randn(1, 1, 8, 8))
    }
    assert layers["stages.0.0.0.1"].y.min() < 0
    assert layers["stages.0.0.0.2"].y.min() == 0


def test_corner_of_a_matrix_holds_whole_channels_about_square() -> None:
    found = linear_map(nn.Conv1d(2, 3, 3, padding=1), (2, 8))
    assert square(found) == (16, 16)
    drawn = corner(found, found.weights[found.numbers].numpy(), (16, 16))
    dense = found.matrix().to_dense()[:16, :16].numpy()
    assert np.array_equal(np.nan_to_num(drawn), dense)
    assert np.array_equal(np.isnan(drawn), dense == 0)
    assert square(linear_map(nn.Conv2d(1, 32, 3), (1, 28, 28))) == (676, 784)
    assert square(linear_map(nn.Conv1d(1, 2, 3, padding=1), (1, 5000))) == (
        1024,
        1024,
    ), "not 5,000 x 5,000 numbers"


def test_of_a_large_layer_a_smaller_input_is_drawn() -> None:
    # 216 weights at each of 64^3 positions: 57 million places
    large = nn.Conv3d(1, 8, 3, padding=1)
    layer = Ran("first", large, (1, 64, 64, 64), torch.empty(1, 8, 64, 64, 64, device="meta"))
    assert small_enough(layer) == (1, 32, 32, 32)
    small = Ran("first", large, (1, 8, 8, 8), torch.empty(1, 8, 8, 8, 8, device="meta"))
    assert small_enough(small) == (1, 8, 8, 8)
    dense = nn.Linear(25_088, 4_096, device="meta")
    with pytest.raises(
        UserError,
        match=r"may have 20,000,000 weights, but that of fc has 102,760,448; name another layer",
    ):
        small_enough(Ran("fc", dense, (25_088,), torch.empty(1, 4_096, device="meta")))


def test_matrix_is_captioned_by_its_numbers() -> None:
    figure = draw_matrix(linear_map(nn.Conv1d(1, 1, 3), (1, 8)), "conv")
    assert (
        "conv: W is 6 x 8, 37.50% of it weights, 3 learnt (a dense layer: 48)"
        in figure.get_suptitle()
    )
    assert "none learnt" in draw_matrix(linear_map(nn.AvgPool1d(2), (1, 8)), "pool").get_suptitle()


def test_windows_of_the_middle_positions() -> None:
    """LeNet's: 5, pool 6, 5 at jump 2 is 14, pool 16."""
    net = nn.Sequential(
        nn.Conv2d(1, 2, 5),
        nn.AvgPool2d(2),
        nn.Conv2d(2, 3, 5),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(75, 2),
    )
    cost = measure(net, (1, 32, 32))
    seen = fields(cost)
    assert [window.spans[0] for window in seen] == [(14, 18), (14, 19), (10, 23), (8, 23)]
    assert [window.name for window in seen] == ["0", "1", "2", "3"]
    assert len(draw_field(cost, torch.zeros(1, 32, 32)).axes) == 2
    assert len(draw_field(cost, None).axes) == 1
    assert len(draw_field(measure(net_for((1, 40)), (1, 40)), torch.zeros(1, 40)).axes) == 1


@pytest.mark.parametrize(
    "in_shape", [(1, 20), (3, 12, 12), (1, 8, 8, 8)], ids=["1-D", "2-D in colour", "3-D"]
)
def test_filters_and_maps_in_any_number_of_axes(in_shape: tuple[int, ...]) -> None:
    net, x = net_for(in_shape), torch.randn(1, *in_shape)
    layers = run_layers(net, x)
    convolution = next(layer for layer in layers if kernels(layer.module) is not None)
    weight = kernels(convolution.module)
    assert weight is not None
    assert len(draw_filters(weight, "first").axes) == 4
    maps = of_positions(layers, len(in_shape) - 1)
    assert [layer.name for layer in maps if isinstance(layer.module, nn.Flatten | nn.Linear)] == []
    grid = draw_maps(x[0], maps).axes
    assert len(grid) % 8 == 0
    assert sum(bool(axes.images or axes.lines) for axes in grid) > 8


def test_plane_of_a_volume_is_its_middle() -> None:
    volume = torch.arange(27.0).reshape(3, 3, 3)
    assert np.array_equal(plane(volume), volume[1].numpy())


def gaps_of(layer: nn.Module) -> dict[str, list[float]]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(1, 8, 3, padding=1), nn.ReLU(), layer)
    return {each.name: list(each.gaps) for each in shift_gaps(net, torch.randn(16, 1, 64))}


@pytest.mark.parametrize(
    "layer",
    [nn.Conv1d(8, 8, 3, stride=2), nn.AvgPool1d(2), nn.MaxPool1d(2)],
    ids=["stride", "mean", "max"],
)
def test_gap_is_zero_at_multiples_of_the_step_alone(layer: nn.Module) -> None:
    gaps = gaps_of(layer)
    assert max(gaps["0"]) < 1e-6, "a convolution without a stride shifts with its input"
    assert max(gaps["2"][::2]) < 1e-6
    assert min(gaps["2"][1::2]) > 0.1


def test_gap_is_large_where_nothing_is_shared() -> None:
    """Noise taken every second position has nothing in common with the positions between: the gap
    is the root of two.
    """
    every_second = nn.Conv1d(1, 1, 1, stride=2, bias=False)
    (found,) = shift_gaps(
        every_second, torch.randn(64, 1, 200, generator=torch.Generator().manual_seed(0))
    )
    assert found.jump == 2
    assert found.gaps[1] == pytest.approx(2**0.5, abs=0.05)
    assert found.gaps[2] == 0


def test_layers_whose_windows_reach_the_borders_are_left_out() -> None:
    """Of 12 positions shifted by 8, one window of width 3 stays inside; one of width 8 and more
    does not.
    """
    assert [each.name for each in shift_gaps(net_for((1, 12)), torch.randn(2, 1, 12))] == [
        "stages.0.0.0.0"
    ]


def subject(tmp_path: Path | None = None) -> DrawSubject:
    return DrawSubject("net", net_for((1, 8, 8)), (1, 8, 8), Digits(), None, tmp_path)


@pytest.mark.parametrize("name", ["matrix", "field", "filters", "maps"])
def test_every_figure_of_a_network_is_written(name: str, tmp_path: Path) -> None:
    FIGURES[name](subject(tmp_path), None).savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 3_000


def test_figures_that_do_not_exist_are_refused_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="every layer's window reaches one"):
        FIGURES["shift"](subject(tmp_path), None)
    perceptron = DrawSubject(
        "mlp", nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), (1, 8, 8), Digits()
    )
    pool = DrawSubject("pool", nn.Sequential(nn.MaxPool2d(2)), (1, 8, 8), Digits())
    with pytest.raises(NothingToDrawError, match="but the network has none"):
        FIGURES["matrix"](pool, None)
    with pytest.raises(UserError, match="leave `filters` out"):
        FIGURES["filters"](perceptron, None)
    with pytest.raises(UserError, match="leave `maps` out"):
        FIGURES["maps"](perceptron, None)


def test_data_of_another_shape_is_refused() -> None:
    other = DrawSubject("net", net_for((1, 12, 12)), (1, 12, 12), Digits())
    with pytest.raises(UserError, match="takes samples of shape 1x12x12, but the data has 1x8x8"):
        other.samples(1)


def test_figures_drawn_by_default_are_those_there_is_something_of(tmp_path: Path) -> None:
    notes: list[str] = []
    assert list(draw_figures(subject(), None, None, notes.append)) == ["matrix", "field"]
    assert notes == []
    assert list(draw_figures(subject(tmp_path), None, None, notes.append)) == [
        "matrix",
        "field",
        "filters",
        "maps",
    ]
    assert len(notes) == 1
    assert notes[0].startswith("no shift: a shift is measured on positions that see no border")
    with pytest.raises(NothingToDrawError):
        draw_figures(subject(tmp_path), ["shift"], None, notes.append)
    with pytest.raises(UserError, match="--layer must be one of"):
        draw_figures(subject(), None, "stages", notes.append)


def test_perceptron_sees_everything_at_once() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    figure = draw_field(measure(net, (1, 8, 8)), None)
    assert [text.get_text() for text in figure.axes[0].texts] == ["8"]
