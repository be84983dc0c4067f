"""The drawing of a network agrees with its cost, stage by stage."""

from math import prod
from pathlib import Path
from xml.etree import ElementTree

import pytest
from torch import nn

from convsweep.cost import measure
from convsweep.errors import UserError
from convsweep.nets.convnet import ConvNet
from convsweep.nets.unet import UNet
from convsweep.review.report.sections.architecture import config_blocks
from convsweep.review.report.sections.drawing import draw, levels_of
from convsweep.review.report.sections.parts import (
    DrawnNetwork,
    architecture_of,
    joined_parts,
    parts_of,
)


def architecture(net: nn.Module, in_shape: tuple[int, ...]) -> DrawnNetwork:
    cost = measure(net, in_shape)
    parts = parts_of(net, cost)
    assert sum(part.params for part in parts) == cost.params
    assert sum(part.macs for part in parts) == cost.macs
    assert parts[-1].out_shape == cost.out_shape
    net_ = DrawnNetwork("a net", in_shape, parts, joined_parts(net, [part.name for part in parts]))
    svg = ElementTree.fromstring(draw(net_))
    texts = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert all(part.title in texts for part in parts)
    return net_


def test_a_classifier_is_its_stages_and_its_head() -> None:
    net = architecture(
        ConvNet((1, 16, 16), 10, num_stages=2, num_blocks=2, width=8, kernel_size=3), (1, 16, 16)
    )
    assert [part.title for part in net.parts] == ["stage 1", "stage 2", "head"]
    assert net.parts[0].does[0].startswith("2 x (conv 3x3 → 8")
    assert net.joined == []


def test_the_padding_of_an_even_kernel_is_no_layer_of_its_own() -> None:
    net = architecture(
        ConvNet((1, 16, 16), 10, num_stages=1, num_blocks=2, width=8, kernel_size=2), (1, 16, 16)
    )
    assert net.parts[0].does == ["2 x (conv 2x2 → 8, batch norm, relu)", "max pool 2"]


def test_skips_are_told() -> None:
    net = architecture(
        ConvNet((1, 16, 16), 10, num_stages=1, num_blocks=2, width=8, skip="add"), (1, 16, 16)
    )
    assert net.parts[0].skip == "add"


@pytest.mark.parametrize("skip", ["none", "concat"])
def test_a_unet_goes_down_and_up(skip: str) -> None:
    net = architecture(UNet((3, 16, 16), 4, width=4, depth=2, skip=skip), (3, 16, 16))
    assert [part.name for part in net.parts] == [
        "encoder.0",
        "encoder.1",
        "encoder.2",
        "decoder.0",
        "decoder.1",
        "head",
    ]
    assert levels_of(net) == [0, 0, 1, 2, 1, 0, 0]
    assert net.joined == (
        [("encoder.0", "decoder.1"), ("encoder.1", "decoder.0")] if skip == "concat" else []
    )


def test_a_unet_joins_the_resolutions_that_its_encoder_has() -> None:
    encoder = {"num_stages": 2, "width": 4, "stem": {"width": 4, "kernel_size": 4, "stride": 4}}
    net = architecture(UNet((3, 32), 2, encoder=encoder, attention="gate"), (3, 32))
    assert [part.name for part in net.parts if part.name.startswith("encoder")] == [
        "encoder.1",
        "encoder.2",
        "encoder.3",
    ]
    assert net.joined == [("encoder.1", "decoder.1"), ("encoder.2", "decoder.0")]


@pytest.mark.parametrize("in_shape", [(1, 32), (1, 8, 8, 8), (7,)])
def test_any_number_of_axes_and_nets_of_others_are_drawn(in_shape: tuple[int, ...]) -> None:
    architecture(
        nn.Sequential(nn.Flatten(), nn.Linear(prod(in_shape), 5), nn.ReLU(), nn.Linear(5, 2)),
        in_shape,
    )


def test_a_config_that_is_none_of_a_run_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model: {}")
    with pytest.raises(UserError, match=r"must hold model.net and shape.in_shape"):
        architecture_of(tmp_path / "config.yaml")
    assert "cannot be drawn" in str(config_blocks(tmp_path / "config.yaml"))
    assert "cannot be drawn" in str(config_blocks(tmp_path / "gone" / "config.yaml"))
