"""Statements of the lecture on convolutions, as facts about their matrices."""

from functools import reduce

import pytest
import torch
from layers_drawn import LAYERS
from torch import Tensor, nn

from convsweep.linear_map import LinearMap, linear_map

pytestmark = pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")

LEARNT = [name for name, (layer, _) in LAYERS.items() if any(True for _ in layer.parameters())]


@pytest.fixture(autouse=True)
def double() -> None:
    torch.manual_seed(0)
    for layer, _ in LAYERS.values():
        layer.double()


def dense(found: LinearMap) -> Tensor:
    return found.matrix().to_dense()


TRANSPOSED = [
    (nn.Conv1d(1, 1, 3, bias=False), (1, 8)),
    (nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, bias=False), (4, 7, 6)),
    (nn.Conv3d(2, 3, 2, 2, bias=False), (2, 4, 4, 2)),
]


@pytest.mark.parametrize(("conv", "in_shape"), TRANSPOSED)
def test_transposed_convolution_with_the_same_weights_applies_the_transpose(
    conv: nn.Conv1d | nn.Conv2d | nn.Conv3d, in_shape: tuple[int, ...]
) -> None:
    kind = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}[len(in_shape) - 1]
    back = kind(
        conv.out_channels,
        conv.in_channels,
        conv.kernel_size,
        conv.stride,
        conv.padding,
        groups=conv.groups,
        dilation=conv.dilation,
        bias=False,
    )
    back.weight = conv.weight
    forth = linear_map(conv, in_shape)
    found = linear_map(back, forth.out_shape)
    assert found.out_shape == in_shape
    assert torch.equal(dense(found), dense(forth).T)
    assert torch.equal(found.numbering().to_dense(), forth.numbering().to_dense().T)
    assert torch.equal(dense(forth.transpose()), dense(found))


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_to_the_input_is_the_transpose_times_the_gradient_to_the_output(name: str) -> None:
    layer, in_shape = LAYERS[name]
    found = linear_map(layer, in_shape)
    x = torch.randn(1, *in_shape, dtype=torch.float64, requires_grad=True)
    g = torch.randn(1, *found.out_shape, dtype=torch.float64)
    (at_x,) = torch.autograd.grad(layer(x), x, g)
    torch.testing.assert_close(dense(found).T @ g.flatten(), at_x.flatten())
    torch.testing.assert_close(found.transpose()(g), at_x)


@pytest.mark.parametrize("name", LEARNT)
def test_gradient_to_a_weight_sums_over_its_tied_places(name: str) -> None:
    """Of a dense layer the gradient to the weight in row r and column c is g_r x_c."""
    layer, in_shape = LAYERS[name]
    found, weight = (
        linear_map(layer, in_shape),
        next(param for param in layer.parameters() if param.dim() > 1),
    )
    x, g = (torch.randn(1, *shape, dtype=torch.float64) for shape in (in_shape, found.out_shape))
    (at_weight,) = torch.autograd.grad(layer(x), weight, g)
    of_dense = torch.outer(g.flatten(), x.flatten())
    numbers = found.numbering().to_dense()
    sums = torch.stack([of_dense[numbers == number + 1].sum() for number in range(found.num_free)])
    torch.testing.assert_close(sums, at_weight.flatten())


@pytest.mark.parametrize(
    ("kernel_size", "padding"),
    [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2), (4, 1), (5, 0), (5, 2), (5, 4)],
)
def test_padding_of_the_transpose_is_the_complementary_one(kernel_size: int, padding: int) -> None:
    """W^T is a convolution by the flipped kernel, padded by kernel_size - 1 - padding: valid by
    full, same by same.
    """
    conv = nn.Conv2d(2, 3, kernel_size, padding=padding, bias=False)
    flipped = nn.Conv2d(3, 2, kernel_size, padding=kernel_size - 1 - padding, bias=False)
    with torch.no_grad():
        flipped.weight.copy_(conv.weight.flip(2, 3).transpose(0, 1))
    forth = linear_map(conv, (2, 6, 7))
    assert torch.equal(dense(linear_map(flipped, forth.out_shape)), dense(forth).T)


def seen(*matrices: Tensor) -> set[int]:
    """Return how many inputs the outputs of a stack of layers depend on."""
    pattern = reduce(lambda below, above: above @ below, [matrix.abs() for matrix in matrices])
    return set((pattern != 0).sum(dim=1).tolist())


def test_one_layer_of_width_3_sees_3_inputs_and_two_see_5() -> None:
    one, two, three = (dense(linear_map(nn.Conv1d(1, 1, 3), (1, size))) for size in (20, 18, 16))
    assert seen(one) == {3}
    assert seen(one, two) == {5}
    assert seen(one, two, three) == {7}


def test_two_layers_without_an_activation_are_one_layer() -> None:
    first, second = (nn.Conv1d(1, 1, 3, bias=False).double() for _ in range(2))
    x = torch.randn(1, 1, 20, dtype=torch.float64)
    product = dense(linear_map(second, (1, 18))) @ dense(linear_map(first, (1, 20)))
    torch.testing.assert_close(product @ x.flatten(), second(first(x)).flatten())


def test_sharing_leaves_few_of_the_parameters_of_a_dense_layer() -> None:
    """3x3, one channel to eight, on 28x28: 72 weights where a dense layer to as many outputs has
    4.9 million.
    """
    found = linear_map(nn.Conv2d(1, 8, 3, padding=1), (1, 28, 28))
    rows, columns = found.shape
    assert found.num_free == 72
    assert rows * columns == 6_272 * 784 == 4_917_248
    # 3 taps an axis and position, but one at the two borders
    assert found.num_places == 8 * (28 * 3 - 2) ** 2
    untied = linear_map(nn.Linear(784, 6_272), (784,))
    assert untied.num_free == untied.num_places == rows * columns
    assert linear_map(nn.AvgPool2d(2), (1, 28, 28)).num_free == 0


def shift(size: int, by: int) -> Tensor:
    """Return the matrix that moves a signal by so many positions; what leaves it is lost, zeros
    enter.
    """
    return torch.diag(torch.ones(size - by, dtype=torch.float64), -by)


def test_convolution_and_shift_commute_away_from_the_borders() -> None:
    w = dense(linear_map(nn.Conv1d(1, 1, 5, padding=2).double(), (1, 30)))
    for by in (1, 2, 7):
        difference = (w @ shift(30, by) - shift(30, by) @ w).abs()
        assert difference[by + 2 : 28].max() == 0
        assert difference.max() > 0, "at the borders they do not"


@pytest.mark.parametrize(
    "layer", [nn.Conv1d(1, 1, 4, stride=2, padding=1), nn.AvgPool1d(2)], ids=["stride", "mean"]
)
def test_a_stride_commutes_with_the_shifts_it_divides_and_with_no_other(layer: nn.Module) -> None:
    w = dense(linear_map(layer.double(), (1, 32)))
    for by in (2, 4):
        assert (w @ shift(32, by) - shift(16, by // 2) @ w)[by // 2 + 1 : 15].abs().max() == 0
    for moved in (0, 1):
        assert (w @ shift(32, 1) - shift(16, moved) @ w)[2:14].abs().max() > 0.01
