"""Samples are mixed as torchvision mixes them under the same draws, and targets along with them."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.transforms import v2

from convsweep.data.augment.mixing import Mix, Mixing, cut_out
from convsweep.data.sources.digits import Digits
from convsweep.data.sources.scenes import Scenes
from convsweep.errors import UserError
from convsweep.losses.cross_entropy import soft_cross_entropy
from convsweep.task import find_task

LABELS, MASKS, SIGNALS, NUMBERS = (
    find_task(name) for name in ("classification", "segmentation", "denoising", "multi_label")
)


def batch(dtype: torch.dtype, *size: int) -> tuple[Tensor, Tensor]:
    return torch.randint(0, 256, (6, 3, *size)).to(dtype), torch.tensor([0, 3, 1, 1, 2, 0])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_mixup_is_torchvisions(dtype: torch.dtype) -> None:
    x, y = batch(dtype, 8, 6)
    theirs = v2.MixUp(alpha=0.4, num_classes=4)
    share = theirs.make_params([x])["lam"]
    params: dict[str, Any] = {"lam": share, "labels": y, "batch_size": len(x)}
    values = x.float()
    found = Mixing(LABELS, 4, mixup_alpha=0.4).apply(x, y, Mix(share))
    torch.testing.assert_close(found[0], theirs.transform(values, params))
    torch.testing.assert_close(found[1], theirs.transform(y, params))


@pytest.mark.parametrize("seed", range(5))
def test_cutmix_is_torchvisions(seed: int) -> None:
    torch.manual_seed(seed)
    x, y = batch(torch.uint8, 9, 14)
    theirs = v2.CutMix(alpha=1.0, num_classes=4)
    torch.manual_seed(seed)
    params = theirs.make_params([x]) | {"labels": y, "batch_size": len(x)}
    torch.manual_seed(seed)
    share = v2.MixUp(alpha=1.0, num_classes=4).make_params([x])["lam"]
    column, row = int(torch.randint(14, (1,))), int(torch.randint(9, (1,)))
    mix = cut_out(share, (9, 14), [row, column])
    found = Mixing(LABELS, 4, cutmix_alpha=1.0).apply(x, y, mix)
    assert found[0].dtype == torch.uint8
    assert torch.equal(found[0], theirs.transform(x, params))
    torch.testing.assert_close(found[1], theirs.transform(y, params))


@pytest.mark.parametrize("size", [(40,), (12, 10), (8, 9, 7)])
def test_targets_hold_the_share_of_positions_in_any_number_of_dimensions(
    size: tuple[int, ...],
) -> None:
    mixing = Mixing(LABELS, 6, cutmix_alpha=1.0)
    x = torch.arange(6.0).view(-1, 1, *[1] * len(size)).expand(-1, 2, *size)
    for number in range(5):
        mixed, y = mixing(x, torch.arange(6), (0, number))
        own = (mixed[:, 0] == x[:, 0]).flatten(1).float().mean(1)
        torch.testing.assert_close(y.diagonal(), own)
        torch.testing.assert_close(y.sum(1), torch.ones(6))


def test_shares_follow_the_beta_distribution_and_the_seed() -> None:
    mixing = Mixing(LABELS, 4, mixup_alpha=0.3)
    shares = [mixing.draw((8, 8), np.random.default_rng(seed)).share for seed in range(2000)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * 0.3 + 1)), rel=0.05)
    x, y = batch(torch.uint8, 8, 8)
    first, again, other = (mixing(x, y, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])


def test_both_ways_take_turns_and_some_batches_stay_as_they_are() -> None:
    mixing = Mixing(LABELS, 4, mixup_alpha=1.0, cutmix_alpha=1.0, probability=0.6)
    mixes = [mixing.draw((8, 8), np.random.default_rng(seed)) for seed in range(1000)]
    whole = sum(mix.share == 1 and mix.box is None for mix in mixes)
    cut = sum(mix.box is not None for mix in mixes)
    assert whole == pytest.approx(400, abs=60)
    assert cut == pytest.approx(300, abs=60)
    x, y = batch(torch.uint8, 8, 8)
    found = mixing.apply(x, y, Mix(1.0))
    assert torch.equal(found[0], x)
    assert torch.equal(found[1], F.one_hot(y, 4).float()), "targets are of one kind in all batches"


def test_masks_are_pasted_with_their_images_and_not_added_up() -> None:
    y = torch.randint(0, 3, (4, 8, 8))
    x, mask = Mixing(MASKS, 3, cutmix_alpha=1.0)(y.unsqueeze(1).to(torch.uint8), y, (3,))
    assert torch.equal(x[:, 0].long(), mask)
    assert not torch.equal(mask, y)
    with pytest.raises(UserError, match=r"mixup_alpha needs .* masks, .* use data\.cutmix_alpha"):
        Scenes(batch_size=4, mixup_alpha=0.2).info  # noqa: B018


def test_signals_are_added_up_with_what_they_shall_become() -> None:
    y = torch.randn(4, 1, 16)
    x, target = Mixing(SIGNALS, 1, mixup_alpha=1.0)(2 * y, y, (3,))
    torch.testing.assert_close(x, 2 * target)


@pytest.mark.parametrize("option", ["mixup_alpha", "cutmix_alpha"])
def test_numbers_are_added_up_by_their_shares(option: str) -> None:
    x, y = torch.zeros(4, 1, 10), torch.eye(4)
    x[0] = 1
    mixed, target = Mixing(NUMBERS, 4, **{option: 1.0})(x, y, (3,))
    torch.testing.assert_close(mixed.mean((1, 2)), target[:, 0])
    assert 0 < target[0, 0] < 1


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 2.0, 1.0, 0.0])])
def test_loss_of_certain_classes_is_that_of_classes(
    weight: Tensor | None, smoothing: float
) -> None:
    logits, y = torch.randn(6, 4), torch.tensor([0, 3, 1, 1, 2, 0])
    expected = F.cross_entropy(logits, y, weight=weight, label_smoothing=smoothing)
    found = soft_cross_entropy(logits, F.one_hot(y, 4).float(), weight, smoothing)
    torch.testing.assert_close(found, expected)


def test_training_is_mixed_and_evaluation_is_not() -> None:
    plain, mixed = Digits(batch_size=50), Digits(batch_size=50, mixup_alpha=0.4)
    x, y = next(iter(mixed.train_dataloader()))
    assert (x.dtype, y.shape) == (torch.float32, (50, 10))
    assert not torch.equal(x, next(iter(plain.train_dataloader()))[0].float())
    for ours, expected in zip(
        next(iter(mixed.val_dataloader())), next(iter(plain.val_dataloader())), strict=True
    ):
        assert torch.equal(ours, expected)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"mixup_alpha": -1}, "data.mixup_alpha must be a number >= 0, but is -1"),
        ({"cutmix_alpha": "on"}, "data.cutmix_alpha must be a number >= 0, but is 'on'"),
        ({"mix_probability": 2}, "data.mix_probability must be a share"),
    ],
)
def test_numbers_out_of_range_are_refused(option: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Digits(batch_size=8, **option)
