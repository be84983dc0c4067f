"""Regression: units of the data, scores equal to torchmetrics', a loss in spreads of the split."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny import fit
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import MeanAbsoluteError, MeanSquaredError, R2Score

from convsweep.data.samples import DataInfo
from convsweep.errors import InfeasibleError, UserError
from convsweep.metrics.number_errors import NumberErrors
from convsweep.pictures.agreement import calibration, draw_agreement
from convsweep.tasks.regression import Regression, RegressionTask

MEAN, STD = torch.tensor([2000.0, -0.5]), torch.tensor([10.0, 0.02])
INFO = DataInfo((1, 8), 2, ("year", "slope"), "regression")


def model_of(net: nn.Module, **options: Any) -> Regression:
    spread = {"mean": torch.zeros(1), "std": torch.ones(1), "class_counts": torch.ones(2)}
    return Regression(net=net, info=INFO, target_mean=MEAN, target_std=STD, **spread | options)


class Zeros(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 2, dtype=torch.bfloat16)


def test_a_net_that_says_nothing_answers_the_mean_of_the_training_split() -> None:
    answer = model_of(Zeros()).predict_batch(torch.zeros(3, 1, 8))["values"]
    assert torch.equal(answer, MEAN.expand(3, 2))


@pytest.mark.parametrize(
    ("distance", "published"),
    [("l2", F.mse_loss), ("l1", F.l1_loss), ("huber", lambda a, b: F.huber_loss(a, b, delta=0.5))],
)
def test_loss_is_that_of_standardized_numbers(distance: Any, published: Any) -> None:
    model = model_of(Zeros(), distance=distance, huber_delta=0.5)
    predicted, true = torch.randn(2, 5, 2)
    loss = model.loss(MEAN + STD * predicted, MEAN + STD * true)
    torch.testing.assert_close(loss, published(predicted, true), rtol=1e-3, atol=1e-4)


def test_errors_are_those_of_torchmetrics_over_batches() -> None:
    true = torch.randn(50, 2) * torch.tensor([3.0, 0.1])
    predicted = true + 0.3 * torch.randn(50, 2)
    ours = NumberErrors(["a", "b"])
    for start in (0, 20):
        ours.update(predicted[start : start + 30][:20], true[start : start + 30][:20])
    ours.update(predicted[40:], true[40:])
    scores = ours.compute()
    r2 = R2Score(multioutput="raw_values")(predicted, true)
    torch.testing.assert_close(torch.stack([scores["r2/a"], scores["r2/b"]]), r2)
    torch.testing.assert_close(scores["r2"], r2.mean())
    torch.testing.assert_close(scores["mae"], MeanAbsoluteError()(predicted, true))
    rmse = MeanSquaredError(squared=False)(predicted[:, 0], true[:, 0])
    torch.testing.assert_close(scores["rmse/a"], rmse)


@pytest.mark.parametrize(("offset", "expected"), [(0.0, 1.0), (0.5, 0.0)])
def test_r2_of_equal_numbers_is_one_where_they_are_predicted_else_zero(
    offset: float, expected: float
) -> None:
    ours, true = NumberErrors(["a"]), torch.full((7, 1), 0.3)
    ours.update(true + offset, true)
    assert float(ours.compute()["r2"]) == expected


def test_years_are_learnt_and_scored_in_years() -> None:
    torch.manual_seed(0)
    x = torch.randn(64, 1, 8)
    y = MEAN + STD * x[:, 0, :2]
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 2))
    model = model_of(net, optimizer=lambda groups: torch.optim.Adam(groups, 0.05))
    scores = fit(model, (x, y), epochs=40)
    assert scores["val/r2"] > 0.99
    assert scores["val/mae/year"] < 1
    # centred, so that float32 does not lose the spread beside the 2000
    torch.testing.assert_close(
        torch.tensor(scores["val/r2/year"]),
        R2Score()((model(x) - MEAN)[:, 0].detach(), (y - MEAN)[:, 0]),
        rtol=1e-3,
        atol=1e-3,
    )
    assert set(model.metric_names()) == set(scores)


def test_net_of_another_output_is_refused() -> None:
    with pytest.raises(InfeasibleError, match="a net for regression must return 2 a sample"):
        RegressionTask().check_output((2, 8), (1, 8), 2)


def test_distance_that_a_loss_of_the_config_would_ignore_is_refused() -> None:
    with pytest.raises(UserError, match=r"model\.distance is not used by the loss L1Loss"):
        model_of(Zeros(), distance="l1", loss=nn.L1Loss())


def test_delta_that_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="huber_delta must be above 0"):
        model_of(Zeros(), huber_delta=0)


def test_calibration_joins_means_of_groups_of_like_predictions() -> None:
    predicted = np.arange(40, dtype=np.float32)[::-1].copy()
    first, second = calibration(predicted, 2 * predicted)
    np.testing.assert_allclose(first, np.arange(2, 40, 5))
    np.testing.assert_allclose(second, 2 * first)
    assert len(calibration(predicted[:1], predicted[:1])[0]) == 1


def test_every_number_has_its_plot() -> None:
    values = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    figure = draw_agreement(values, values, ["a$^", "b", "c", "d"])
    assert [axes.get_title() for axes in figure.axes][:4] == ["a$^", "b", "c", "d"]
