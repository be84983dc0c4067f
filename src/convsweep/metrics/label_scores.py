"""Scores of labels of which a sample may have several: average precision, F1, and the thresholds of
the best F1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat

MEANS = ("mean_ap", "f1")
OF_EACH_LABEL = ("ap", "f1")
# Probability from which a label is predicted without `tune_thresholds`.
THRESHOLD = 0.5


def label_score_names(names: Sequence[str]) -> list[str]:
    """Return the names of all that `LabelScores` gives for these labels, but for thresholds."""
    return [*MEANS, *(f"{kind}/{name}" for kind in OF_EACH_LABEL for name in names)]


@dataclass(frozen=True)
class Curves:
    """Precision and recall of each label if its N most probable samples, or fewer, are predicted.

    Samples of equal probability are predicted together, so that their rows are equal.

    Shape:
        probs, precision, recall: (N, K), sorted by falling probability
        positives: (K,) samples that have the label
    """

    probs: Tensor
    precision: Tensor
    recall: Tensor
    positives: Tensor

    @property
    def average_precision(self) -> Tensor:
        """Sum of the precisions, weighed by the steps of the recall; NaN without a positive."""
        first = torch.zeros_like(self.recall[:1])
        ap = (self.recall.diff(dim=0, prepend=first) * self.precision).sum(dim=0)
        return torch.where(self.positives > 0, ap, torch.nan)

    @property
    def best_thresholds(self) -> Tensor:
        """The probability from which a label must be predicted for the highest F1, (K,); 0.5
        without a positive.
        """
        f1 = 2 * self.precision * self.recall / (self.precision + self.recall)
        best = f1.nan_to_num().argmax(dim=0, keepdim=True)
        found = self.probs.gather(0, best)[0]
        return torch.where(self.positives > 0, found, THRESHOLD)


def precision_recall(probs: Tensor, true: Tensor) -> Curves:
    """Return the curves of each label, without a loop over labels or samples.

    Shape:
        probs, true: (N, K), true of zeros and ones
    """
    probs, order = probs.sort(dim=0, descending=True)
    found = true.gather(0, order).cumsum(dim=0)
    places = torch.arange(len(probs), device=probs.device)[:, None].expand_as(probs)
    differs = probs.diff(dim=0) != 0
    is_last = torch.cat([differs, torch.ones_like(probs[:1], dtype=torch.bool)])
    # the last sample of the same probability
    ends = torch.where(is_last, places, len(probs) - 1).flip(0).cummin(dim=0).values.flip(0)
    found = found.gather(0, ends)
    positives = true.sum(dim=0)
    return Curves(probs, found / (ends + 1), found / positives.clamp_min(1), positives)


def label_f1(probs: Tensor, true: Tensor, thresholds: Tensor) -> Tensor:
    """Return the F1 of each label, (K,); NaN if it neither occurs nor is predicted."""
    predicted = (probs >= thresholds).to(true.dtype)
    return 2 * (predicted * true).sum(dim=0) / (predicted.sum(dim=0) + true.sum(dim=0))


class LabelScores(Metric):
    """Average precision and F1 of each label, and their means over the labels that have one.

    Average precision is the exact sum of precisions times steps of recall, as in torchmetrics and
    scikit-learn. A label without a positive has none, and one that neither occurs nor is predicted
    has no F1.

    Args:
        names: one name a label.
        tune: whether F1 is given at the thresholds that are best for it, as `threshold/NAME`,
            instead of those of `update`.

    Shape:
        update takes probabilities (N, K), targets (N, K) of zeros and ones, and thresholds (K,).
    """

    full_state_update = False
    probs: list[Tensor]
    true: list[Tensor]
    thresholds: Tensor

    def __init__(self, names: Sequence[str], tune: bool = False) -> None:
        super().__init__()
        self.names, self.tune = list(names), tune
        self.add_state("probs", [], dist_reduce_fx="cat")
        self.add_state("true", [], dist_reduce_fx="cat")
        self.add_state("thresholds", torch.full((len(names),), THRESHOLD), dist_reduce_fx="mean")

    def update(self, probs: Tensor, true: Tensor, thresholds: Tensor) -> None:
        """Add a batch."""
        self.probs.append(probs.float())
        self.true.append(true.float())
        self.thresholds = thresholds.to(self.thresholds)

    def compute(self) -> dict[str, Tensor]:
        """Return mean_ap, f1, and both of each label."""
        probs, true = dim_zero_cat(self.probs), dim_zero_cat(self.true)
        curves = precision_recall(probs, true)
        thresholds = curves.best_thresholds if self.tune else self.thresholds
        values = curves.average_precision, label_f1(probs, true, thresholds)
        scores = {kind: value.nanmean() for kind, value in zip(MEANS, values, strict=True)}
        for kind, value in zip(OF_EACH_LABEL, values, strict=True):
            scores |= {
                f"{kind}/{name}": one
                for name, one in zip(self.names, value, strict=True)
                if not one.isnan()
            }
        if self.tune:
            scores |= dict(zip(threshold_names(self.names), thresholds, strict=True))
        return scores


def threshold_names(names: Sequence[str]) -> list[str]:
    """Return the names of the thresholds of labels."""
    return [f"threshold/{name}" for name in names]
