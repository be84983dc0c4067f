"""The memory format changes a network's speed, not its outputs; a network that cannot run with it
is not changed.
"""

from functools import partial
from typing import Any

import pytest
import torch
from tiny import classifier, fit, labelled
from torch import Tensor, nn

from convsweep.models.memory_format import lay_out
from convsweep.nets import ConvNet

CPU = torch.device("cpu")
needs_onednn = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="torch has no oneDNN here"
)


class Viewing(nn.Module):
    """Flattens its feature maps by a view, as older networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(256, 4)

    def forward(self, x: Tensor) -> Tensor:
        features = self.conv(x)
        return self.head(features.view(len(x), 256))


@needs_onednn
@pytest.mark.parametrize(
    ("in_shape", "last"), [((2, 8, 8), torch.channels_last), ((2, 4, 4, 4), torch.channels_last_3d)]
)
def test_auto_puts_channels_last_on_the_processor(
    in_shape: tuple[int, ...], last: torch.memory_format
) -> None:
    net = ConvNet(in_shape, 3, num_stages=1, width=4)
    assert lay_out(net, "auto", in_shape, CPU) == last
    assert next(param for param in net.parameters() if param.dim() > 2).is_contiguous(
        memory_format=last
    )


@needs_onednn
@pytest.mark.parametrize("memory_format", ["auto", "channels_last"])
@pytest.mark.parametrize(
    ("width", "last"), [(8, torch.contiguous_format), (16, torch.channels_last)]
)
def test_shortcuts_whose_backward_pass_crashes_are_contiguous(
    width: int,
    last: torch.memory_format,
    memory_format: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    strided = {"skip": "add", "downsample": "stride", "downsample_at": "start"}
    net = ConvNet((3, 16, 16), 3, stem={"width": width}, num_stages=1, width=width, **strided)
    assert lay_out(net, memory_format, (3, 16, 16), CPU) == last
    told = "memory_format=contiguous in place of channels_last" in caplog.text
    assert told == (memory_format == "channels_last" and width == 8)


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_auto_leaves_a_network_for_another_device_as_it_is(device: str) -> None:
    net = ConvNet((2, 8, 8), 3, num_stages=1, width=4)
    assert lay_out(net, "auto", (2, 8, 8), torch.device(device)) == torch.contiguous_format
    assert all(param.is_contiguous() for param in net.parameters())


def test_signals_have_one_layout() -> None:
    net = ConvNet((2, 16), 3, num_stages=1, width=4)
    assert (
        lay_out(net, "auto", (2, 16), CPU)
        == lay_out(net, "channels_last", (2, 16), CPU)
        == torch.contiguous_format
    )


def test_a_network_that_views_its_feature_maps_still_trains() -> None:
    model = classifier(net=Viewing())
    fit(model, labelled(), epochs=1)
    assert model.layout == torch.contiguous_format
    assert model.net.conv.weight.is_contiguous()


def test_trying_a_network_out_leaves_no_trace() -> None:
    net = ConvNet((1, 8, 8), 3, num_stages=1, width=4, dropout=0.5).train()
    before, drawn = (
        {name: value.clone() for name, value in net.state_dict().items()},
        torch.random.get_rng_state(),
    )
    lay_out(net, "auto", (1, 8, 8), CPU)
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(part.training for part in net.modules())


@pytest.mark.parametrize("memory_format", ["auto", "channels_last"])
def test_every_layout_learns_the_same(memory_format: Any) -> None:
    def learnt(memory_format: Any) -> float:
        torch.manual_seed(0)
        net = ConvNet((1, 8, 8), 4, num_stages=2, width=8)
        model = classifier(
            net=net, memory_format=memory_format, optimizer=partial(torch.optim.SGD, lr=0.1)
        )
        return fit(model, labelled(), epochs=3, batch_size=8)["val/loss"]

    assert learnt(memory_format) == pytest.approx(learnt("contiguous"), rel=1e-4)


@needs_onednn
def test_a_network_in_training_is_given_channels_last() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 4))
    seen: list[Tensor] = []
    net[1].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    fit(classifier(net=net), labelled(), epochs=1, batch_size=8)
    assert len(seen) > 2
    assert all(
        given.is_contiguous(memory_format=torch.channels_last) and not given.is_contiguous()
        for given in seen
    )
