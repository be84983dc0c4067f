"""The focal loss (Lin et al. 2017), in which well classified positions have small weights."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.losses.class_loss import (
    NO_CLASS,
    ClassLoss,
    class_shares,
    mean_over_classes,
    position_weights,
)
from convsweep.losses.region_loss import check_not_negative


class Focal(ClassLoss):
    """Cross-entropy times (1 - p)^gamma, p the probability of the target.

    Args:
        gamma: exponent; 0 is cross-entropy.
        activation: `softmax` over all classes, as for predictions; or `sigmoid`, each class against
            all others as in the paper, with the mean over classes, also for any number of labels a
            sample.
        alpha: under `sigmoid`, weight of the target's class; the others have 1 - alpha. None: 1 for
            all.

    Raises:
        UserError: a value is out of range, or alpha is given with softmax.
    """

    def __init__(
        self,
        gamma: float = 2.0,
        activation: Literal["softmax", "sigmoid"] = "softmax",
        alpha: float | None = None,
    ) -> None:
        super().__init__()
        check_not_negative("gamma", gamma)
        if alpha is not None and activation == "softmax":
            raise UserError(
                f"model.loss.alpha={alpha} is for model.loss.activation=sigmoid; with softmax use"
                " model.class_weights"
            )
        if alpha is not None and not 0 <= alpha <= 1:
            raise UserError(f"model.loss.alpha must be null or from 0 to 1, but is {alpha}")
        self.gamma, self.activation, self.alpha = gamma, activation, alpha
        self.takes_labels = activation == "sigmoid"

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = NO_CLASS,
    ) -> Tensor:
        logits = logits.float()
        if self.activation == "softmax" and not target.is_floating_point():
            return self.of_classes(logits, target, weight, ignore_index)
        shares, counted = class_shares(target, logits.shape[1], ignore_index)
        axes = (0, *range(2, logits.dim()))
        smallest = torch.finfo(logits.dtype).tiny
        if self.activation == "sigmoid":
            losses = (self.one_against_others(logits, shares) * counted).sum(axes)
            return mean_over_classes(losses / counted.sum().clamp_min(1), weight)
        log_probs = logits.log_softmax(dim=1)
        losses = -(shares * self.factor(log_probs.exp()) * log_probs).sum(axes)
        weights = torch.ones_like(losses) if weight is None else weight
        return (losses @ weights) / (shares.sum(axes) @ weights).clamp_min(smallest)

    def of_classes(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Return the loss under softmax for class targets, from the target's probability alone."""
        loss = F.cross_entropy(logits, target, ignore_index=ignore_index, reduction="none")
        weights = position_weights(target, weight, ignore_index, loss.dtype)
        total = (weights * self.factor((-loss).exp()) * loss).sum()
        return total / weights.sum().clamp_min(torch.finfo(loss.dtype).tiny)

    def one_against_others(self, logits: Tensor, shares: Tensor) -> Tensor:
        """Return the loss of each class against the others at each position (N, K, *)."""
        probs = logits.sigmoid()
        right = probs * shares + (1 - probs) * (1 - shares)
        loss = F.binary_cross_entropy_with_logits(logits, shares, reduction="none")
        loss = loss * self.factor(right)
        if self.alpha is None:
            return loss
        return loss * (self.alpha * shares + (1 - self.alpha) * (1 - shares))

    def factor(self, probs: Tensor) -> Tensor:
        """Return (1 - p)^gamma, whose slope is finite at p = 1 also for gamma < 1."""
        return (1 - probs).clamp_min(torch.finfo(probs.dtype).eps) ** self.gamma
