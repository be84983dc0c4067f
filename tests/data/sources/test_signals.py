"""Signals to clean: drawn from a seed, noise fresh in every epoch of training and fixed for
evaluation.
"""

from typing import Any

import numpy as np
import pytest
import torch

from convsweep.data.loading.array_types import Made
from convsweep.data.sources.noise import power
from convsweep.data.sources.signals import Signals
from convsweep.errors import UserError


def signals(**options: Any) -> Signals:
    return Signals(
        **{"batch_size": 4, "num_train": 12, "num_val": 5, "num_test": 6, "length": 512} | options
    )


def test_facts_and_parts() -> None:
    data = signals(sample_rate_hz=4000)
    info = data.info
    assert (info.in_shape, info.num_classes, info.task, info.sample_rate_hz) == (
        (1, 512),
        1,
        "denoising",
        4000,
    )
    assert data.test is not None
    assert [len(part) for part in (data.train, data.val, data.test)] == [12, 5, 6]
    assert data.train.x.shape == data.train.y.shape == (12, 1, 512)
    assert data.class_counts.tolist() == [12]


def test_clean_signals_are_no_noise_and_peak_below_one() -> None:
    y = signals(num_train=100).train.y
    peaks = np.abs(y).max(axis=(1, 2))
    assert 0.1 <= peaks.min() <= peaks.max() <= 0.9
    spectrum = np.square(np.abs(np.fft.rfft(y[:, 0])))
    strongest = np.sort(spectrum, axis=1)[:, -26:].sum(axis=1) / spectrum.sum(axis=1)
    # a tenth of the frequencies holds most of the power; of white noise a third at most
    assert np.median(strongest) > 0.9


def test_a_signal_and_its_noise_are_the_same_whatever_their_number() -> None:
    few, many = signals(num_val=3), signals(num_val=9)
    assert np.array_equal(few.val.x, many.val.x[:3])
    assert np.array_equal(few.val.y, many.val.y[:3])
    assert not np.array_equal(few.val.y, signals(num_val=3, signal_seed=1).val.y)
    assert not np.array_equal(few.val.y[:3], few.train.y[:3])


def test_evaluation_has_its_own_ratio_and_fixed_noise() -> None:
    data = signals(snr_db=[10, 20], eval_snr_db=3, seed=0)
    for part in (data.val, data.test):
        assert part is not None
        assert 10 * np.log10(power(part.y) / power(part.x - part.y)) == pytest.approx(
            np.full(len(part), 3.0), abs=1e-3
        )
    first, second = (torch.cat([x for x, _ in data.val_dataloader()]) for _ in range(2))
    assert torch.equal(first, second)
    assert np.array_equal(data.val.x, signals(snr_db=[10, 20], eval_snr_db=3, seed=1).val.x)


def test_training_noise_is_new_in_each_epoch_and_follows_from_the_seed() -> None:
    def epochs(**options: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
        loader = signals(snr_db=5, **options).train_dataloader()
        found = []
        for epoch in range(2):
            loader.sampler.set_epoch(epoch)
            x, y = (torch.cat(parts) for parts in zip(*loader, strict=True))
            order = y.flatten(1).sum(1).argsort()
            found.append((x[order], y[order]))
        return found

    (x0, y0), (x1, y1) = epochs(seed=3)
    assert torch.equal(y0, y1)
    assert y0.dtype == torch.float32
    assert not torch.equal(x0, x1)
    ratio = 10 * torch.log10(y1.square().mean((1, 2)) / (x1 - y1).square().mean((1, 2)))
    torch.testing.assert_close(ratio, torch.full_like(ratio, 5.0), rtol=0, atol=1e-2)
    again = epochs(seed=3, num_workers=1)
    assert torch.equal(again[1][0], x1)
    assert not torch.equal(epochs(seed=4)[0][0], x0)


def test_positions_of_signal_and_target_are_permuted_alike() -> None:
    plain, permuted = signals(), signals(permute=True)
    (x, y), (moved_x, moved_y) = (
        next(iter(plain.val_dataloader())),
        next(iter(permuted.val_dataloader())),
    )
    assert permuted.positions is not None
    assert torch.equal(x[..., permuted.positions], moved_x)
    assert torch.equal(y[..., permuted.positions], moved_y)


def test_fresh_noise_is_permuted_with_the_signal() -> None:
    """Pink noise stays pink where the positions are put back."""
    data = signals(noise="pink", snr_db=0, permute=True)
    x, y = next(iter(data.train_dataloader()))
    assert data.positions is not None
    noise = (x - y)[..., np.argsort(data.positions)]
    power = torch.fft.rfft(noise).abs().square().mean((0, 1))
    assert power[1:17].mean() > 10 * power[-16:].mean()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise": "brown"}, "data.noise holds 'brown', which is no noise; use one of"),
        ({"noise": "whte"}, "did you mean 'white'"),
        ({"noise": []}, "data.noise must name one kind of noise or more"),
        ({"noise": "folder"}, "data.noise=folder needs recordings of noise"),
        (
            {"snr_db": [5, 0]},
            r"data.snr_db must be a number or \[lowest, highest\] in dB, but is \[5, 0\]",
        ),
        ({"eval_snr_db": [1, 2, 3]}, "data.eval_snr_db must be a number"),
        ({"length": 10}, "data.length must be at least 64 samples, but is 10"),
        ({"num_val": 0}, "must be at least 1"),
        ({"augment": [torch.nn.Identity()]}, "data.augment changes images"),
    ],
)
def test_signals_that_cannot_be_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        signals(**options).setup()


def test_noise_of_training_takes_no_memory_and_is_not_made_in_vain() -> None:
    data = signals()
    assert isinstance(data.train.x, Made)
    assert np.array_equal(data.train.x[:], data.train.x[:])
    assert not np.array_equal(data.train.x[:], data.train.y)
    assert data.gather(data.train, training=True).x is data.train.y
    assert data.gather(data.train, training=False).x is data.train.x  # as evaluated: with noise
