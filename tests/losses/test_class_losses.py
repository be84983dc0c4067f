"""Losses of classes equal published implementations, in one, two and three dimensions."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import sigmoid_focal_loss

from convsweep.errors import UserError
from convsweep.losses.class_loss import ClassLoss
from convsweep.losses.cross_entropy import CrossEntropy
from convsweep.losses.dice import dice_loss
from convsweep.losses.focal import Focal
from convsweep.losses.lovasz import Lovasz
from convsweep.losses.tversky import Tversky

IGNORED = 255
CLASSES = 3
SIZES = pytest.mark.parametrize("size", [(), (9,), (5, 4), (4, 3, 2)])
WEIGHT = torch.tensor([1.0, 3.0, 0.5])
LOSSES: list[ClassLoss] = [
    CrossEntropy(0.1),
    Focal(),
    Focal(activation="sigmoid"),
    Tversky(gamma=0.75),
    Lovasz(),
    Lovasz(per_sample=True),
]


@pytest.fixture(scope="module")
def smp() -> Any:
    """Return the losses of segmentation-models-pytorch."""
    return pytest.importorskip("segmentation_models_pytorch.losses")


def drawn(*size: int, ignored: bool = False) -> tuple[Tensor, Tensor]:
    """Return logits, and classes of which each is there."""
    torch.manual_seed(0)
    logits = torch.randn(6, CLASSES, *size)
    target = torch.randint(0, CLASSES, (6, *size))
    target[:CLASSES] = torch.arange(CLASSES).view(-1, *[1] * len(size))
    if ignored:
        target[-1] = IGNORED
    return logits, target


def one_hot(target: Tensor) -> Tensor:
    return F.one_hot(target, CLASSES).movedim(-1, 1).float()


@SIZES
@pytest.mark.parametrize("alpha", [None, 0.25])
def test_sigmoid_focal_is_torchvisions_and_smps(
    smp: Any, size: tuple[int, ...], alpha: float | None
) -> None:
    logits, target = drawn(*size)
    found = Focal(gamma=1.5, activation="sigmoid", alpha=alpha)(logits, target)
    theirs = sigmoid_focal_loss(
        logits, one_hot(target), -1 if alpha is None else alpha, 1.5, reduction="mean"
    )
    torch.testing.assert_close(found, theirs)
    torch.testing.assert_close(found, smp.FocalLoss("multiclass", alpha, 1.5)(logits, target))


def test_softmax_focal_of_two_classes_is_torchvisions() -> None:
    logits, target = torch.randn(8, 2, 5), torch.randint(0, 2, (8, 5))
    theirs = sigmoid_focal_loss(
        logits[:, 1] - logits[:, 0], target.float(), alpha=-1, reduction="mean"
    )
    torch.testing.assert_close(Focal()(logits, target), theirs)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_focal_without_an_exponent_is_cross_entropy(weight: Tensor | None) -> None:
    logits, target = drawn(5, ignored=True)
    expected = F.cross_entropy(logits, target, weight=weight, ignore_index=IGNORED)
    torch.testing.assert_close(Focal(gamma=0)(logits, target, weight, IGNORED), expected)


@SIZES
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_tversky_is_smps(
    smp: Any, size: tuple[int, ...], ignored: bool, weight: Tensor | None
) -> None:
    logits, target = drawn(*size, ignored=ignored)
    theirs = smp.TverskyLoss(
        "multiclass", alpha=0.3, beta=0.7, smooth=0.5, ignore_index=IGNORED, class_weights=weight
    )
    found = Tversky(0.3, 0.7)(logits, target, weight, IGNORED)
    torch.testing.assert_close(found, theirs(logits, target))


def test_tversky_with_equal_weights_is_dice() -> None:
    logits, target = drawn(5, 4, ignored=True)
    expected = dice_loss(logits, target, IGNORED)
    torch.testing.assert_close(Tversky(0.5, 0.5)(logits, target, None, IGNORED), expected)


@SIZES
@pytest.mark.parametrize("ignored", [False, True])
@pytest.mark.parametrize("per_sample", [False, True])
def test_lovasz_is_smps(smp: Any, size: tuple[int, ...], ignored: bool, per_sample: bool) -> None:
    logits, target = drawn(*size, ignored=ignored and not per_sample)
    logits.requires_grad_()
    # theirs takes three axes for the probabilities of one class
    theirs = smp.LovaszLoss("multiclass", per_sample, IGNORED)(
        logits[..., None, None], target[..., None, None]
    )
    found = Lovasz(per_sample)(logits, target, None, IGNORED)
    torch.testing.assert_close(found, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (found, theirs)))


def test_lovasz_counts_classes_that_are_present(smp: Any) -> None:
    logits, target = drawn(7)
    target[target == 1] = 0
    weighted = Lovasz()(logits, target, torch.tensor([1.0, 5.0, 1.0]))
    theirs = smp.LovaszLoss("multiclass")(logits[..., None], target[..., None])
    torch.testing.assert_close(weighted, theirs)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_what_is_ignored_changes_nothing(loss: ClassLoss) -> None:
    logits, target = drawn(5, 4)
    target[:, 1:] = IGNORED
    expected = loss(logits[..., :1, :], target[:, :1], WEIGHT, IGNORED)
    torch.testing.assert_close(loss(logits, target, WEIGHT, IGNORED), expected)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_where_nothing_counts_there_is_no_loss(loss: ClassLoss) -> None:
    logits, target = drawn(5)
    found = loss(logits.requires_grad_(), torch.full_like(target, IGNORED), None, IGNORED)
    found.backward()
    assert float(found.detach()) == pytest.approx(0, abs=1e-4)
    assert bool((logits.grad == 0).all())


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_certain_right_answers_have_a_finite_slope(loss: ClassLoss) -> None:
    target = drawn(5)[1]
    logits = (200 * one_hot(target)).requires_grad_()
    loss(logits, target).backward()
    assert bool(logits.grad.isfinite().all())


@pytest.mark.parametrize("loss", LOSSES[:4], ids=repr)
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_probabilities_that_are_certain_are_classes(loss: ClassLoss, weight: Tensor | None) -> None:
    logits, target = drawn()
    torch.testing.assert_close(loss(logits, one_hot(target), weight), loss(logits, target, weight))


@pytest.mark.parametrize("loss", [CrossEntropy(), Tversky()], ids=repr)
def test_probabilities_are_best_met_by_themselves(loss: ClassLoss) -> None:
    probs = torch.randn(6, CLASSES).softmax(1)
    best = loss(probs.log(), probs)
    assert best < loss((probs * torch.tensor([1.2, 1, 1])).log(), probs)
    assert best < loss((probs**1.2).log(), probs)


def test_lovasz_takes_classes_only() -> None:
    with pytest.raises(ValueError, match="takes classes, not probabilities"):
        Lovasz()(torch.zeros(2, 3), torch.full((2, 3), 1 / 3))


@pytest.mark.parametrize("region", [Tversky, Lovasz])
def test_cross_entropy_is_added_by_its_weight(region: type[Any]) -> None:
    logits, target = drawn(5, ignored=True)
    given = logits, target, WEIGHT, IGNORED
    expected = region()(*given) + 0.4 * CrossEntropy()(*given)
    torch.testing.assert_close(region(cross_entropy_weight=0.4)(*given), expected)


@pytest.mark.parametrize(
    ("loss", "options", "message"),
    [
        (CrossEntropy, {"label_smoothing": 1}, "label_smoothing must be a probability"),
        (Focal, {"gamma": -1}, "model.loss.gamma must be a number >= 0, but is -1"),
        (Focal, {"alpha": 0.2}, "model.loss.alpha=0.2 is for model.loss.activation=sigmoid"),
        (Focal, {"alpha": 2, "activation": "sigmoid"}, "alpha must be null or from 0 to 1"),
        (Tversky, {"beta": -0.1}, "model.loss.beta must be a number >= 0"),
        (Lovasz, {"cross_entropy_weight": -1}, "model.loss.cross_entropy_weight must be"),
    ],
)
def test_values_out_of_range_are_refused(
    loss: type[Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        loss(**options)
