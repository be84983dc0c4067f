"""Several labels a sample: scores equal to torchmetrics', thresholds, weights, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import facts_of, fit, statistics
from torch import Tensor, nn
from torchmetrics.classification import (
    MultilabelAveragePrecision,
    MultilabelF1Score,
    MultilabelPrecisionRecallCurve,
)
from torchvision.ops import sigmoid_focal_loss

from convsweep.data.sources.arrays import Arrays
from convsweep.errors import UserError
from convsweep.losses.focal import Focal
from convsweep.metrics.label_scores import LabelScores, label_f1, precision_recall
from convsweep.nets import ConvNet
from convsweep.tasks.multi_label import MultiLabel, MultiLabelTask
from convsweep.training import build

NAMES = ["a", "b", "c"]


def drawn(count: int = 60, ties: bool = False) -> tuple[Tensor, Tensor]:
    """Return probabilities and targets (N, 3), every label among them, with equal ones or not."""
    probs = torch.rand(count, 3)
    true = (probs + torch.rand(count, 3) > torch.tensor([1.0, 1.4, 0.6])).float()
    return (probs * 8).round() / 8 if ties else probs, true


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_scores_are_those_of_torchmetrics_over_batches(ties: bool) -> None:
    probs, true = drawn(ties=ties)
    thresholds = torch.tensor([0.5, 0.5, 0.5])
    ours = LabelScores(NAMES)
    for rows in (slice(0, 25), slice(25, 60)):
        ours.update(probs[rows], true[rows], thresholds)
    scores = ours.compute()
    ap = MultilabelAveragePrecision(3, average="none")(probs, true.int())
    # torchmetrics takes what lies above the threshold, not the threshold itself
    f1 = MultilabelF1Score(3, average="none", threshold=0.5 - 1e-6)(probs, true.int())
    torch.testing.assert_close(torch.stack([scores[f"ap/{name}"] for name in NAMES]), ap)
    torch.testing.assert_close(torch.stack([scores[f"f1/{name}"] for name in NAMES]), f1)
    torch.testing.assert_close(scores["mean_ap"], ap.mean())
    torch.testing.assert_close(scores["f1"], f1.mean())


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_no_threshold_has_a_higher_f1_than_the_best(ties: bool) -> None:
    probs, true = drawn(ties=ties)
    best = label_f1(probs, true, precision_recall(probs, true).best_thresholds)
    every = torch.stack([label_f1(probs, true, torch.full((3,), t)) for t in probs.flatten()])
    torch.testing.assert_close(best, every.nan_to_num().amax(dim=0))


def test_curves_pass_the_points_of_torchmetrics() -> None:
    probs, true = drawn()
    curves = precision_recall(probs, true)
    precision, recall, _ = MultilabelPrecisionRecallCurve(3)(probs, true.int())
    for label in range(3):
        torch.testing.assert_close(curves.precision[:, label].flip(0), precision[label][:-1])
        torch.testing.assert_close(curves.recall[:, label].flip(0), recall[label][:-1])


def test_label_that_does_not_occur_has_no_score_and_does_not_enter_the_mean() -> None:
    probs, true = drawn()
    true[:, 1], probs[:, 1] = 0, 0.1
    scores = LabelScores(NAMES, tune=True)
    scores.update(probs, true, torch.full((3,), 0.5))
    found = scores.compute()
    assert "ap/b" not in found
    torch.testing.assert_close(found["mean_ap"], (found["ap/a"] + found["ap/c"]) / 2)
    assert float(found["threshold/b"]) == 0.5


def model_of(net: nn.Module | None = None, **options: Any) -> MultiLabel:
    net = net or ConvNet((1, 8, 8), 3, num_stages=2, width=8)
    facts = statistics(3) | {"target_mean": torch.tensor([0.5, 0.2, 0.8])}
    return MultiLabel(net=net, info=facts_of("multi_label", (1, 8, 8), 3), **facts | options)


def halves() -> tuple[Tensor, Tensor]:
    """Return images whose upper, left and lower halves are bright where they have that label."""
    torch.manual_seed(0)
    y = torch.randint(0, 2, (64, 3)).float()
    x = 40 * torch.rand(64, 1, 8, 8)
    for label, part in enumerate((np.s_[:3, 2:], np.s_[:, :2], np.s_[5:, 2:])):
        x[(slice(None), 0, *part)] += 150 * y[:, label].view(-1, 1, 1)
    return x.to(torch.uint8), y


def test_labels_are_learnt_and_their_thresholds_kept_in_the_weights() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    model = model_of(net, tune_thresholds="f1", optimizer=lambda g: torch.optim.Adam(g, 0.02))
    scores = fit(model, halves(), epochs=8)
    assert scores["val/mean_ap"] > 0.95
    assert set(scores) == set(model.metric_names())
    tuned = torch.tensor([scores[f"val/threshold/c{label}"] for label in range(3)])
    torch.testing.assert_close(model.thresholds, tuned)
    other = model_of(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.thresholds, model.thresholds)
    # measured again at these thresholds, as a test does
    x, y = halves()
    metrics = other.make_metrics()
    other.score(metrics, other(x), (x, y))
    assert float(metrics.compute()["f1"]) == pytest.approx(scores["val/f1"])


def test_balanced_weights_make_positives_and_negatives_count_alike() -> None:
    model = model_of(label_weights="balanced")
    torch.testing.assert_close(model.positive_weight, torch.tensor([1.0, 4.0, 0.25]))
    logits, y = torch.randn(10, 3), torch.randint(0, 2, (10, 3)).float()
    expected = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 4.0, 0.25]))(logits, y)
    torch.testing.assert_close(model.loss(logits, y), expected)
    torch.testing.assert_close(
        model_of().loss(logits, y), nn.functional.binary_cross_entropy(logits.sigmoid(), y)
    )


def test_sigmoid_focal_is_torchvisions_and_other_losses_of_classes_are_refused(
    tmp_path: Path,
) -> None:
    logits, y = torch.randn(10, 3), torch.randint(0, 2, (10, 3)).float()
    focal = Focal(gamma=1.5, activation="sigmoid", alpha=0.25)
    expected = sigmoid_focal_loss(logits, y, 0.25, 1.5, reduction="mean")
    torch.testing.assert_close(model_of(loss=focal).batch_loss(logits, y), expected)
    with pytest.raises(UserError, match=r"model\.label_weights is not used by the loss Focal"):
        model_of(loss=focal, label_weights="balanced")
    np.savez(tmp_path / "set.npz", x=np.zeros((20, 1, 4), np.float32), y=y.repeat(2, 1).numpy())
    data = Arrays(str(tmp_path / "set.npz"), task="multi_label", batch_size=4)
    build.check_loss(model_of(loss=focal), data)
    with pytest.raises(UserError, match=r"multi_label does not have; .*model.loss.activation=sig"):
        build.check_loss(model_of(loss=Focal()), data)


def test_threshold_that_is_no_probability_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.threshold must be between 0 and 1, but is 1"):
        model_of(threshold=1)


def test_labels_are_predicted_from_the_thresholds_of_the_model() -> None:
    task = MultiLabelTask().as_trained(model_of(threshold=0.3))
    info, probs = facts_of("multi_label", (1, 8, 8), 3), np.array([0.2, 0.4, 0.9], np.float32)
    assert MultiLabelTask().cells(info, probs)[0] == "c2"
    assert task.cells(info, probs) == ["c1;c2", "0.200000", "0.400000", "0.900000"]
    assert task.summary(info, task.shares(info, probs), 1) == ": c1 (1), c2 (1)"


def test_a_rare_label_is_in_every_part(tmp_path: Any) -> None:
    y = np.zeros((200, 2), np.float32)
    y[:100, 0], y[95:105, 1] = 1, 1
    np.savez(tmp_path / "set.npz", x=np.zeros((200, 1, 4), np.float32), y=y)
    data = Arrays(str(tmp_path / "set.npz"), task="multi_label", batch_size=4)
    assert data.test is not None
    counts = [int(part.y[:, 1].sum()) for part in (data.train, data.val, data.test)]
    assert counts == [7, 1, 2]
