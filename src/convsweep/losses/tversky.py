"""The Tversky loss (Salehi et al. 2017): overlap of regions, with separate weights for false
positives and false negatives. With both weights 0.5 it is the Dice loss.
"""

import torch
from torch import Tensor

from convsweep.losses.class_loss import class_shares, mean_over_classes
from convsweep.losses.region_loss import RegionLoss, check_not_negative


class Tversky(RegionLoss):
    """1 - the Tversky index of each class over a batch, to the power `gamma`; mean over classes.

    Args:
        alpha: weight of the false positives.
        beta: weight of the false negatives.
        gamma: exponent (Abraham & Khan 2018: 0.75).
        smooth: added to numerator and denominator, so that a class absent from both has loss 0.
        cross_entropy_weight: see `RegionLoss`.
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        smooth: float = 0.5,
        cross_entropy_weight: float = 0.0,
    ) -> None:
        super().__init__(cross_entropy_weight)
        self.alpha, self.beta, self.gamma, self.smooth = alpha, beta, gamma, smooth
        for name in ("alpha", "beta", "gamma", "smooth"):
            check_not_negative(name, getattr(self, name))

    def region_loss(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        index = tversky_index(logits, target, ignore_index, self.alpha, self.beta, self.smooth)
        losses = 1 - index
        if self.gamma != 1:
            # the gradient of a power below 1 is infinite at 0
            losses = losses.clamp_min(torch.finfo(losses.dtype).eps) ** self.gamma
        return mean_over_classes(losses, weight)


def tversky_index(
    logits: Tensor, target: Tensor, ignore_index: int, alpha: float, beta: float, smooth: float
) -> Tensor:
    """Return the soft Tversky index (K,) of each class over a batch.

    The intersection of prediction and target is their minimum at each position, so that for
    probabilities the index is largest if both are equal (Wang et al. 2023, Jaccard Metric Losses).
    """
    logits = logits.float()
    shares, counted = class_shares(target, logits.shape[1], ignore_index)
    probs = logits.softmax(dim=1) * counted
    axes = (0, *range(2, logits.dim()))
    hit = torch.minimum(probs, shares).sum(axes)
    false_positives, false_negatives = probs.sum(axes) - hit, shares.sum(axes) - hit
    size = hit + alpha * false_positives + beta * false_negatives + smooth
    return (hit + smooth) / size.clamp_min(torch.finfo(size.dtype).tiny)
