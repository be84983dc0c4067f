"""Losses against values worked out by hand."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.losses.cross_entropy import cross_entropy
from convsweep.losses.dice import dice_loss

IGNORED = 255


def logits_of(probs: list[list[float]]) -> Tensor:
    """Return logits (1, K, positions) whose softmax is `probs`, one row a class."""
    return torch.tensor(probs).log().unsqueeze(0)


def test_dice_loss_by_hand() -> None:
    logits = logits_of([[0.8, 0.6, 0.1], [0.2, 0.4, 0.9]])
    target = torch.tensor([[0, 1, 1]])
    class_0 = (2 * 0.8 + 1) / (1.5 + 1 + 1)
    class_1 = (2 * (0.4 + 0.9) + 1) / (1.5 + 2 + 1)
    assert float(dice_loss(logits, target, IGNORED)) == pytest.approx(1 - (class_0 + class_1) / 2)


def test_dice_loss_leaves_out_what_is_ignored() -> None:
    logits = logits_of([[0.8, 0.6, 0.1, 0.3], [0.2, 0.4, 0.9, 0.7]])
    target = torch.tensor([[0, 1, 1, IGNORED]])
    assert dice_loss(logits, target, IGNORED) == pytest.approx(
        float(dice_loss(logits[..., :3], target[:, :3], IGNORED))
    )


def test_dice_loss_is_nothing_for_a_certain_right_answer() -> None:
    target = torch.randint(0, 3, (2, 5, 6))
    logits = 50.0 * F.one_hot(target, 3).movedim(-1, 1)
    assert float(dice_loss(logits, target, IGNORED)) == pytest.approx(0.0, abs=1e-6)
    assert float(dice_loss(-logits, target, IGNORED)) > 0.5


def test_class_absent_from_both_costs_nothing() -> None:
    target = torch.zeros(1, 4, dtype=torch.long)
    logits = torch.tensor([50.0, 0.0, 0.0]).view(1, 3, 1).expand(1, 3, 4)
    assert float(dice_loss(logits, target, IGNORED)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("weight", [None, torch.tensor([1.0, 3.0, 0.5])])
@pytest.mark.parametrize("ignored", [False, True])
def test_cross_entropy_is_torchs_mean(weight: Tensor | None, ignored: bool) -> None:
    logits, target = torch.randn(2, 3, 4, 5), torch.randint(0, 3, (2, 4, 5))
    if ignored:
        target[:, 1] = IGNORED
    expected = F.cross_entropy(logits, target, weight=weight, ignore_index=IGNORED)
    torch.testing.assert_close(cross_entropy(logits, target, weight, IGNORED), expected)


def test_cross_entropy_where_nothing_counts_is_nothing() -> None:
    logits = torch.randn(1, 3, 4, requires_grad=True)
    loss = cross_entropy(logits, torch.full((1, 4), IGNORED), None, IGNORED)
    loss.backward()
    assert float(loss.detach()) == 0
    assert bool((logits.grad == 0).all())
    weightless = cross_entropy(
        logits, torch.zeros(1, 4, dtype=torch.long), torch.tensor([0.0, 1.0, 1.0]), IGNORED
    )
    assert float(weightless.detach()) == 0
