"""Sliding windows: every position is answered for, and a network without borders gives what it
gives on the whole sample.
"""

from collections.abc import Callable
from math import exp
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.nets.sliding_window import Axis, SlidingWindow, mirrored_positions
from convsweep.nets.unet import UNet

CONV: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
CASES = [
    ((50,), (8,)),
    ((3,), (8,)),
    ((19, 33), (8, 12)),
    ((5, 30), (8, 12)),
    ((11, 7, 18), (6, 8, 5)),
    ((1, 1, 1), (4, 4, 4)),
]


def sample(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def pointwise(x: Tensor) -> Tensor:
    return torch.cat([x.float().sin(), x.float().square()], dim=1)


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("spatial", "window"), CASES)
def test_a_pointwise_network_gives_what_it_gives_on_the_whole_sample(
    spatial: tuple[int, ...], window: tuple[int, ...], overlap: float
) -> None:
    x = sample(3, *spatial)
    averages = SlidingWindow(pointwise, window, overlap=overlap, batch_size=3)(x)
    torch.testing.assert_close(averages, pointwise(x[None])[0])


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.5, 0.75, 0.95])
def test_shares_are_positive_and_sum_to_one_at_every_position(overlap: float) -> None:
    for size in range(1, 41):
        for window in (1, 2, 7, 12):
            axis = Axis(size, window, overlap)
            total = np.zeros(size)
            for number in range(len(axis.starts)):
                share, (places, inside) = axis.share(number), axis.place(number)
                assert share.min() > 0
                total[places] += share[inside]
            np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_windows_begin_as_counted_by_hand() -> None:
    assert Axis(20, 8, 0.5).starts == [0, 4, 8, 12]
    assert Axis(21, 8, 0.5).starts == [0, 3, 6, 9, 13]
    assert Axis(8, 8, 0.5).starts == [0]
    assert Axis(5, 8, 0.5).starts == [-1]


def test_an_average_is_weighted_as_counted_by_hand() -> None:
    """Windows of 4 at 0 and 2 answer 0 and 1; their curves, of deviation 1/2, meet at 1.5 and 0.5
    from their middles.
    """
    numbers = iter([0.0, 1.0])
    averages = SlidingWindow(lambda x: torch.full_like(x, next(numbers)), [4], [4], batch_size=1)
    far, near = exp(-(1.5**2) / (2 * 0.5**2)), exp(-(0.5**2) / (2 * 0.5**2))
    expected = torch.tensor([[0, 0, far / (far + near), near / (far + near), 1, 1]])
    torch.testing.assert_close(averages(torch.zeros(1, 6)), expected)


@pytest.mark.parametrize(
    ("spatial", "window"), [((70,), (16,)), ((40, 33), (12, 16)), ((22, 18, 25), (12, 10, 14))]
)
def test_an_equivariant_network_gives_what_it_gives_on_the_whole_sample_away_from_borders(
    spatial: tuple[int, ...], window: tuple[int, ...]
) -> None:
    """A convolution of width 5 with its borders cut off (`valid`): its windows see all they need,
    so no seam can show.
    """
    dim = len(spatial)
    weight = sample(4, 2, *[5] * dim)
    x = sample(2, *spatial)
    whole = CONV[dim](x[None], weight)[0]
    averages = SlidingWindow(lambda batch: CONV[dim](batch, weight), window)(x)
    assert averages.shape[1:] == x.shape[1:]
    inner = averages[:, *[slice(2, -2)] * dim]
    torch.testing.assert_close(inner, whole, rtol=1e-4, atol=1e-4)


def test_beyond_the_borders_a_sample_is_mirrored() -> None:
    """So `valid` windows give at the borders what the mirrored sample gives there (Ronneberger et
    al. 2015).
    """
    x, weight = sample(1, 9, 13), sample(1, 1, 3, 3)
    averages = SlidingWindow(lambda batch: F.conv2d(batch, weight), [8, 8])(x)
    whole = F.conv2d(F.pad(x[None], (1, 1, 1, 1), mode="reflect"), weight)[0]
    torch.testing.assert_close(averages, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_positions_are_mirrored_as_numpy_mirrors(size: int) -> None:
    expected = np.pad(np.arange(size), (7, 9), mode="reflect")
    assert mirrored_positions(-7, size + 16, size).tolist() == expected.tolist()


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_valid_unet_covers_the_whole_sample(dim: int) -> None:
    net = UNet(
        (1, *[20] * dim), 3, depth=1, width=2, num_convs=1, padding="valid", norm="none"
    ).eval()
    assert net.out_spatial == (12,) * dim
    with torch.no_grad():
        probs = SlidingWindow(lambda x: net(x).softmax(1), [20] * dim)(sample(1, *[17] * dim))
    assert probs.shape == (3, *[17] * dim)
    torch.testing.assert_close(probs.sum(0), torch.ones([17] * dim))


def test_a_network_is_asked_once_for_the_size_of_its_answer() -> None:
    seen: list[int] = []
    windows = SlidingWindow(lambda x: seen.append(len(x)) or x, [10], batch_size=8)  # type: ignore[func-returns-value]
    for size in (10, 15, 30):
        windows(sample(1, size))
    assert seen == [1, 1, 2, 5]


def test_a_network_is_asked_where_the_sample_lies() -> None:
    devices = set()

    def note(x: Tensor) -> Tensor:
        devices.add(x.device.type)
        return x

    SlidingWindow(note, [4, 4])(torch.zeros(1, 9, 6, device="meta"))
    assert devices == {"meta"}


def test_pieces_come_in_order_as_soon_as_they_are_ready() -> None:
    """A piece is given out before windows after it are read, so a long recording is never held as a
    whole.
    """
    seen: list[int] = []
    windows = SlidingWindow(lambda x: seen.append(len(x)) or x, [10], [10], batch_size=2)  # type: ignore[func-returns-value]
    x = sample(1, 1000)
    pieces = windows.slabs(x)
    first = next(pieces)
    assert first.shape == (1, 5)
    assert len(seen) == 1
    rest = list(pieces)
    assert max(piece.shape[1] for piece in rest) <= 10
    torch.testing.assert_close(torch.cat([first, *rest], dim=1), x)


def test_a_memory_map_is_read_where_windows_lie_and_keeps_its_dtype(tmp_path: Path) -> None:
    stored = np.memmap(tmp_path / "scan.raw", np.uint8, "w+", shape=(1, 30, 20))
    stored[:] = np.random.default_rng(0).integers(0, 256, (1, 30, 20))
    dtypes = set()

    def note(x: Tensor) -> Tensor:
        dtypes.add(x.dtype)
        return x

    averages = SlidingWindow(note, [8, 8], [8, 8])(stored)
    assert dtypes == {torch.uint8}
    np.testing.assert_allclose(averages.numpy(), stored, rtol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"overlap": 1.0}, r"0 <= overlap < 1, but is 1\.0"),
        ({"batch_size": 0}, "at least 1 window, but is 0"),
        ({"out_window": [3]}, r"must have the shape \(3,\), but has \(4,\)"),
        ({"window": [4, 4]}, r"must be \(C, \*spatial\), but has the shape \(1, 9\)"),
    ],
)
def test_what_cannot_be_done_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SlidingWindow(**{"predict": lambda x: x, "window": [4], **options})(torch.zeros(1, 9))  # type: ignore[arg-type]
