"""Inputs of a model's loss and optimiser: class weights, parameter groups, a mean over an epoch."""

import pytest
import torch
from tiny import classifier, segmenter
from torch import nn

from convsweep.data.sources.digits import Digits
from convsweep.errors import UserError
from convsweep.metrics.running_mean import RunningMean, not_finite
from convsweep.tasks.classification import class_weight
from convsweep.training.build import check_loss


def test_balanced_weights_make_all_classes_count_alike() -> None:
    counts = torch.tensor([60, 30, 10])
    weights = class_weight("balanced", counts)
    assert weights.tolist() == pytest.approx([100 / 180, 100 / 90, 100 / 30])
    shares = weights * counts
    torch.testing.assert_close(shares, torch.full((3,), 100 / 3))


def test_absent_class_weighs_nothing_and_changes_nothing() -> None:
    weights = class_weight("balanced", torch.tensor([60, 0, 20]))
    assert weights.tolist() == pytest.approx([80 / 120, 0.0, 2.0])
    assert class_weight("none", torch.tensor([60, 0, 20])) is None


def test_class_weights_reach_the_loss_but_not_the_checkpoint() -> None:
    counts = torch.tensor([30, 10])
    model = classifier(2, class_weights="balanced", class_counts=counts)
    logits, y = torch.randn(6, 2), torch.tensor([0, 0, 0, 1, 1, 0])
    expected = nn.functional.cross_entropy(logits, y, weight=torch.tensor([40 / 60, 40 / 20]))
    torch.testing.assert_close(model.loss(logits, y), expected)
    assert "class_weight" not in model.state_dict()
    assert classifier(2).class_weight is None
    assert segmenter(class_weights="balanced").class_weight.tolist() == [1.0, 1.0, 1.0]


def test_norm_and_bias_are_not_decayed() -> None:
    model = classifier()
    decayed, kept = model.parameter_groups()
    assert "weight_decay" not in decayed
    assert kept["weight_decay"] == 0.0
    weights = {
        id(module.weight)
        for module in model.net.modules()
        if isinstance(module, nn.Conv2d | nn.Linear)
    }
    assert {id(parameter) for parameter in decayed["params"]} == weights
    assert len(decayed["params"]) + len(kept["params"]) == len(list(model.parameters()))


def test_all_are_decayed_on_demand_and_frozen_ones_left_out() -> None:
    model = classifier(decay_norm_and_bias=True)
    assert [len(group["params"]) for group in model.parameter_groups()] == [
        len(list(model.net.parameters()))
    ]
    frozen = next(model.net.parameters()).requires_grad_(False)
    assert all(
        frozen is not parameter
        for group in model.parameter_groups()
        for parameter in group["params"]
    )


def test_network_without_biases_has_one_group() -> None:
    assert (
        len(
            classifier(
                net=nn.Sequential(nn.Flatten(), nn.Linear(64, 4, bias=False))
            ).parameter_groups()
        )
        == 1
    )


def of_one_device(total: torch.Tensor) -> torch.Tensor:
    """Return the sum over all devices, of which there is one."""
    return total


def test_running_mean_weighs_and_starts_anew() -> None:
    mean = RunningMean()
    mean.add(torch.tensor(1.0), 3)
    mean.add(torch.tensor(5.0, requires_grad=True), 1)
    assert float(mean.compute(of_one_device)) == 2.0
    mean.add(torch.tensor(7, dtype=torch.float16), 2)
    assert float(mean.compute(of_one_device)) == 7.0


def test_running_mean_keeps_no_graph() -> None:
    mean = RunningMean()
    mean.add(torch.tensor(1.0, requires_grad=True) * 2, 1)
    assert not mean.compute(of_one_device).requires_grad


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0, False), (float("nan"), True), (float("inf"), True), (-float("inf"), True)],
)
def test_not_finite(value: float, expected: bool) -> None:
    assert not_finite(torch.tensor(value)) is expected


def test_a_loss_of_classes_only_is_refused_where_samples_are_mixed() -> None:
    mixed, plain = Digits(batch_size=4, cutmix_alpha=1.0), Digits(batch_size=4)
    check_loss(classifier(10, loss=nn.CrossEntropyLoss()), mixed)
    check_loss(classifier(10, loss=nn.NLLLoss()), plain)
    with pytest.raises(UserError, match=r"cutmix_alpha need a loss of probabilities .* NLLLoss"):
        check_loss(classifier(10, loss=nn.NLLLoss()), mixed)
