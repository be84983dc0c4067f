"""Memory of a training step: by hand, and equal to what a real forward pass keeps."""

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from convsweep.cost import measure
from convsweep.nets import ConvNet, UNet

FLOAT, INT = 4, 8


def test_kept_by_hand() -> None:
    """The convolution keeps its input, the activation its output, the pool its places; the linear
    layer its input.
    """
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10)
    )
    cost = measure(net, (1, 8, 8))
    kept = {layer.name: layer.activations for layer in cost.layers if layer.activations}
    assert kept == {"0": FLOAT * 64, "1": FLOAT * 4 * 64, "2": INT * 4 * 16, "4": FLOAT * 64}
    assert cost.activations == sum(kept.values())


def test_kept_once_where_it_is_read_twice() -> None:
    class Read(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 1, 1), nn.Conv2d(3, 1, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.first(x) + self.second(x)

    assert measure(Read(), (3, 5, 5)).activations == FLOAT * 3 * 25


def test_frozen_layers_keep_nothing_and_have_no_gradients() -> None:
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 2))
    net[0].requires_grad_(False)
    cost = measure(net, (1, 6, 6))
    assert cost.activations == FLOAT * 64
    assert (cost.params, cost.trainable) == (40 + 130, 130)
    assert (cost.weights, cost.gradients) == (FLOAT * 170, FLOAT * 130)


def test_step_adds_weights_gradients_states_and_samples() -> None:
    cost = measure(nn.Sequential(nn.Flatten(), nn.Linear(10, 3, bias=False)), (1, 10))
    assert cost.activations == FLOAT * 10
    assert cost.memory(batch_size=7, optimizer_states=0) == FLOAT * (2 * 30 + 7 * 10)
    assert cost.memory(batch_size=7, optimizer_states=2) == FLOAT * (4 * 30 + 7 * 10)


def really_kept(net: nn.Module, x: Tensor) -> int:
    """Return the bytes of all storages that a forward pass on real tensors keeps, weights and
    buffers aside.
    """
    own = {tensor.untyped_storage().data_ptr() for tensor in (*net.parameters(), *net.buffers())}
    kept: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        out = net.train()(x)
    size = sum(
        tensor.untyped_storage().nbytes() for place, tensor in kept.items() if place not in own
    )
    del out
    return size


NETS = {
    "resnet18": (models.resnet18, (3, 32, 32)),
    "ConvNet": (
        lambda: ConvNet((1, 28, 28), 10, head={"hidden": [30], "dropout": 0.3}),
        (1, 28, 28),
    ),
    "dense ConvNet": (
        lambda: ConvNet((1, 40), 10, skip="concat", num_blocks=3, dropout=0.1, activation="gelu"),
        (1, 40),
    ),
    "residual ConvNet": (
        lambda: ConvNet((1, 12, 14, 13), 4, num_stages=2, block="basic", skip="add", width=8),
        (1, 12, 14, 13),
    ),
    "UNet": (lambda: UNet((3, 30, 30), 2, depth=2, width=4, upsample="linear"), (3, 30, 30)),
    "group norm": (lambda: ConvNet((1, 28, 28), 10, norm="group"), (1, 28, 28)),
}


@pytest.mark.parametrize("name", NETS)
def test_kept_is_what_real_tensors_keep(name: str) -> None:
    build, in_shape = NETS[name]
    net = build()
    measured = measure(net, in_shape).activations
    assert measured == pytest.approx(really_kept(net, torch.zeros(2, *in_shape)) / 2, rel=0.01)
