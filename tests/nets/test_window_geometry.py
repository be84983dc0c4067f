"""Shapes are worked out as torch has them, for convolutions and pools of any window, step, dilation
and border.
"""

from itertools import product

import pytest
import torch

from convsweep.errors import InfeasibleError
from convsweep.nets.blocks import conv, pool
from convsweep.nets.geometry import margins, output_size, shape_text, window_positions

PADDINGS = ("same", "valid", "full", 0, 1, 3)


@pytest.mark.parametrize("padding", PADDINGS)
def test_convolution_leaves_what_was_worked_out(padding: str | int) -> None:
    fits = 0
    for size, kernel, stride, dilation in product(
        (1, 2, 5, 8, 13), (1, 2, 3, 4, 5), (1, 2, 3), (1, 2, 3)
    ):
        expected = window_positions(
            size, kernel, stride, margins(padding, kernel, dilation), dilation
        )
        layer = conv(1, 1, 1, kernel, stride=stride, padding=padding, dilation=dilation)
        if expected < 1:
            with pytest.raises(RuntimeError):
                layer(torch.zeros(1, 1, size))
            with pytest.raises(InfeasibleError, match="spans"):
                output_size((size,), kernel, stride, padding, dilation)
            continue
        fits += 1
        assert (
            layer(torch.zeros(1, 1, size)).shape[2:]
            == output_size((size,), kernel, stride, padding, dilation)
            == (expected,)
        )
    assert fits > 100


@pytest.mark.parametrize("kind", ["max", "average"])
def test_pool_leaves_what_was_worked_out(kind: str) -> None:
    for size, window, stride in product((2, 3, 7, 8, 13), (1, 2, 3, 5), (1, 2, 3)):
        for padding in range(window // 2 + 1):
            expected = window_positions(size, window, stride, (padding, padding))
            if expected < 1:
                with pytest.raises(RuntimeError):
                    pool(2, kind, window, stride, padding)(torch.zeros(1, 1, size, size))
            else:
                left = pool(2, kind, window, stride, padding)(torch.zeros(1, 1, size, size)).shape[
                    2:
                ]
                assert (
                    left
                    == output_size((size, size), window, stride, padding)
                    == (expected, expected)
                )


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_keeps_the_size_and_full_grows_it(dim: int, kernel_size: int, dilation: int) -> None:
    x = torch.zeros(1, 2, *(5, 4, 3)[:dim])
    reach = dilation * (kernel_size - 1)
    assert (
        conv(dim, 2, 3, kernel_size, padding="same", dilation=dilation)(x).shape[2:] == x.shape[2:]
    )
    grown = [size + reach for size in x.shape[2:]]
    assert (
        list(conv(dim, 2, 3, kernel_size, padding="full", dilation=dilation)(x).shape[2:]) == grown
    )


def test_even_kernel_looks_one_further_behind() -> None:
    layer = conv(1, 1, 1, 4, bias=False)
    torch.nn.init.ones_(next(layer.parameters()))
    impulse = torch.zeros(1, 1, 9)
    impulse[..., 4] = 1
    seen = layer(impulse)[0, 0].nonzero().flatten().tolist()  # y[i] sees x[i - 1 .. i + 2]
    assert seen == [2, 3, 4, 5]


def test_full_is_the_full_convolution() -> None:
    layer = conv(1, 1, 1, 3, padding="full", bias=False)
    kernel, signal = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 0.0, 2.0, 5.0])
    next(layer.parameters()).data.copy_(kernel.flip(0).view(1, 1, 3))
    by_hand = [
        sum(float(kernel[j] * signal[i - j]) for j in range(3) if 0 <= i - j < 4) for i in range(6)
    ]
    assert layer(signal.view(1, 1, 4)).flatten().tolist() == by_hand


def test_window_that_fits_nowhere_is_named_with_what_it_gets() -> None:
    with pytest.raises(
        InfeasibleError, match="the window spans 9 positions with padding valid, but gets 8x12"
    ):
        output_size((8, 12), 5, padding="valid", dilation=2)


def test_shapes_are_written_as_people_do() -> None:
    assert shape_text((3, 32, 32)) == "3x32x32"
