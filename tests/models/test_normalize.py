"""Normalisation: zero mean, unit spread, whatever the type; and a mean that travels with the
checkpoint.
"""

import pytest
import torch

from convsweep.models.normalize import Normalize


@pytest.mark.parametrize("shape", [(50, 2, 9), (20, 2, 8, 8), (8, 2, 5, 6, 7)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_bytes_become_zero_mean_and_unit_spread(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = torch.randint(0, 256, shape, dtype=torch.uint8).to(dtype)
    x[:, 1] //= 4
    axes = (0, *range(2, len(shape)))
    mean, std = x.float().mean(axes), x.float().std(axes, correction=0)
    y = Normalize(mean, std)(x)
    assert y.dtype == torch.float32
    torch.testing.assert_close(y.mean(axes), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.std(axes, correction=0), torch.ones(2))
    per_channel = (1, 2) + (1,) * (len(shape) - 2)
    torch.testing.assert_close(
        y, (x.float() - mean.view(per_channel)) / std.view(per_channel), atol=1e-5, rtol=1e-5
    )


def test_statistics_are_saved_and_loaded() -> None:
    one, other = (
        Normalize(torch.tensor([3.0]), torch.tensor([2.0])),
        Normalize(torch.zeros(1), torch.ones(1)),
    )
    other.load_state_dict(one.state_dict())
    assert float(other(torch.tensor([[[7.0]]]))) == 2.0


def test_channel_without_spread_stays_finite() -> None:
    y = Normalize(torch.tensor([5.0]), torch.tensor([0.0]))(torch.full((2, 1, 4), 5.0))
    assert bool(y.isfinite().all())


def test_it_learns_nothing() -> None:
    assert list(Normalize(torch.zeros(3), torch.ones(3)).parameters()) == []
