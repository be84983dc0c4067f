"""Errors of predicted numbers: mean absolute error, root mean square error, and R2."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

MEANS = ("mae", "rmse", "r2")


def error_names(names: Sequence[str]) -> list[str]:
    """Return the names of the values that `NumberErrors` computes for these numbers."""
    single = [f"{kind}/{name}" for kind in MEANS for name in names] if len(names) > 1 else []
    return [*MEANS, *single]


class NumberErrors(Metric):
    """Errors of each number, computed from sums over all samples.

    With true values t, predicted values p and the mean m of t: MAE = mean |p - t|, RMSE = sqrt(mean
    (p - t)^2), R2 = 1 - sum (p - t)^2 / sum (t - m)^2 (Wright 1921). Where all t are equal, R2 is 1
    if p is t, else 0, as in scikit-learn. Of several numbers the means over the numbers are given
    too.

    Args:
        names: one name a number.

    Shape:
        update takes predicted and true values (N, K); float32 keeps R2 exact if these are small
        beside their spread, so subtract the same from both.
    """

    full_state_update = False
    count: Tensor
    absolute: Tensor
    squared: Tensor
    total: Tensor
    total_squared: Tensor

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)
        self.add_state("count", torch.zeros(()), dist_reduce_fx="sum")
        for name in ("absolute", "squared", "total", "total_squared"):
            self.add_state(name, torch.zeros(len(names)), dist_reduce_fx="sum")

    def update(self, predicted: Tensor, true: Tensor) -> None:
        """Add a batch."""
        error = predicted - true
        self.count += len(true)
        self.absolute += error.abs().sum(dim=0)
        self.squared += error.square().sum(dim=0)
        self.total += true.sum(dim=0)
        self.total_squared += true.square().sum(dim=0)

    def compute(self) -> dict[str, Tensor]:
        """Return mae, rmse and r2, and of several numbers those of each: `mae/NAME`."""
        spread = self.total_squared - self.total.square() / self.count
        # below this the spread is rounding
        is_constant = spread <= 1e-6 * self.total_squared
        share = self.squared / torch.where(is_constant, 1.0, spread)
        r2 = torch.where(is_constant, (self.squared == 0).to(share.dtype), 1 - share)
        values = self.absolute / self.count, (self.squared / self.count).sqrt(), r2
        scores = {kind: value.mean() for kind, value in zip(MEANS, values, strict=True)}
        if len(self.names) > 1:
            for kind, value in zip(MEANS, values, strict=True):
                scores |= {
                    f"{kind}/{name}": one for name, one in zip(self.names, value, strict=True)
                }
        return scores
