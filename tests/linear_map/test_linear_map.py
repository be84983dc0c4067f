"""A layer is its matrix: the same outputs, and the same matrix as trying every unit vector
finds.
"""

import pytest
import torch
from layers_drawn import LAYERS
from torch import Tensor, nn

from convsweep.errors import UserError
from convsweep.linear_map import linear_map
from convsweep.nets.blocks import conv

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")


def probed(layer: nn.Module, in_shape: tuple[int, ...]) -> Tensor:
    """Return the matrix of a layer, column by column from unit vectors."""
    size = int(torch.tensor(in_shape).prod())
    x = torch.cat([torch.zeros(1, size), torch.eye(size)]).double().unflatten(1, in_shape)
    with torch.no_grad():
        y = layer.double()(x).flatten(1)
    return (y[1:] - y[0]).T


@pytest.fixture(autouse=True)
def double() -> None:
    torch.manual_seed(0)
    for layer, _ in LAYERS.values():
        layer.double()


@pytest.mark.parametrize("name", LAYERS)
def test_layer_applies_its_matrix(name: str) -> None:
    layer, in_shape = LAYERS[name]
    x = torch.randn(2, *in_shape, dtype=torch.float64)
    found = linear_map(layer, in_shape)
    with torch.no_grad():
        y = layer(x)
    assert found.out_shape == y.shape[1:]
    torch.testing.assert_close(found(x), y)


@pytest.mark.parametrize("name", LAYERS)
def test_matrix_is_the_one_that_unit_vectors_find(name: str) -> None:
    layer, in_shape = LAYERS[name]
    found = linear_map(layer, in_shape)
    expected = probed(layer, in_shape)
    torch.testing.assert_close(found.matrix().to_dense(), expected, rtol=1e-12, atol=1e-12)
    assert found.num_places == len(
        set(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    )
    assert torch.equal(found.numbering().to_dense() > 0, expected != 0)


@pytest.mark.parametrize("name", LAYERS)
def test_places_of_one_number_hold_one_weight(name: str) -> None:
    layer, in_shape = LAYERS[name]
    found = linear_map(layer, in_shape)
    values, numbers = probed(layer, in_shape), found.numbering().to_dense()
    for number in numbers.unique()[1:]:
        tied = values[numbers == number]
        torch.testing.assert_close(tied, tied[:1].expand_as(tied))
    learnt = dict(layer.named_parameters())
    weight = learnt.get("weight", learnt.get("1.weight"))
    assert found.num_free == (0 if weight is None else weight.numel())


def test_numbering_by_hand() -> None:
    found = linear_map(nn.Conv1d(1, 1, 3, padding=1), (1, 4))
    assert found.numbering().to_dense().tolist() == [
        [2, 3, 0, 0],
        [1, 2, 3, 0],
        [0, 1, 2, 3],
        [0, 0, 1, 2],
    ]
    found = linear_map(nn.Conv1d(2, 1, 2, stride=2), (2, 4))
    assert found.numbering().to_dense().tolist() == [
        [1, 2, 0, 0, 3, 4, 0, 0],
        [0, 0, 1, 2, 0, 0, 3, 4],
    ]


def test_picture_of_28x28_has_its_matrix() -> None:
    layer = conv(2, 1, 32, 3)
    found = linear_map(layer, (1, 28, 28))
    assert found.shape == (25_088, 784)
    assert found.num_places == 32 * (3 * 28 - 2) ** 2
    x = torch.randn(1, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(found(x), layer(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "in_shape", "message"),
    [
        (nn.MaxPool2d(2), (1, 4, 4), "the layer is a MaxPool2d"),
        (nn.ReLU(), (1, 4), "the layer is a ReLU"),
        (
            nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
            (1, 5, 5),
            "padding_mode must be zeros",
        ),
        (nn.Sequential(nn.ConstantPad1d(1, 2.0), nn.Conv1d(1, 1, 3)), (1, 5), "must add zeros"),
        (nn.Sequential(nn.ConstantPad1d(-1, 0.0), nn.Conv1d(1, 1, 3)), (1, 9), "must add zeros"),
        (nn.Conv2d(3, 1, 3), (1, 8, 8), "Conv2d cannot take an input of shape 1x8x8"),
        (nn.Conv1d(1, 1, 9), (1, 4), "Conv1d cannot take an input of shape 1x4"),
    ],
)
def test_what_has_no_matrix_is_refused(
    layer: nn.Module, in_shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        linear_map(layer, in_shape)
