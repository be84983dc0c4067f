"""Cross-entropy for classes, which returns 0, not NaN, if every position is ignored, and for class
probabilities.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from convsweep.errors import UserError
from convsweep.losses.class_loss import NO_CLASS, ClassLoss, position_weights


class CrossEntropy(ClassLoss):
    """Cross-entropy of classes or probabilities.

    Args:
        label_smoothing: probability spread from the target over all classes (Szegedy et al. 2015).

    Raises:
        UserError: `label_smoothing` is negative or not below 1.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise UserError(
                "model.loss.label_smoothing must be a probability, 0 <= label_smoothing < 1, but is"
                f" {label_smoothing}"
            )
        self.label_smoothing = label_smoothing

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = NO_CLASS,
    ) -> Tensor:
        if target.is_floating_point():
            return soft_cross_entropy(logits, target, weight, self.label_smoothing)
        return cross_entropy(logits, target, weight, ignore_index, self.label_smoothing)


def cross_entropy(
    logits: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the mean cross-entropy of the positions that count, 0 if none does (torch: NaN, which
    would end the training).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        weight: (K,) weights of the classes, None for equal ones.
        label_smoothing: probability spread over all classes.
    """
    total = F.cross_entropy(
        logits,
        target,
        weight=weight,
        ignore_index=ignore_index,
        label_smoothing=label_smoothing,
        reduction="sum",
    )
    weights = position_weights(target, weight, ignore_index, total.dtype)
    return total / weights.sum().clamp_min(torch.finfo(total.dtype).tiny)


def soft_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the mean cross-entropy of samples whose target is a probability of each class.

    It is divided by the sum of the samples' weights, as torch does for classes, so that both agree
    for one-hot targets; torch divides by the number of samples for probabilities.

    Args:
        logits: (N, K).
        target: (N, K) probabilities.
        weight: (K,) weights of the classes, None for equal ones.
        label_smoothing: probability spread over all classes.
    """
    total = F.cross_entropy(
        logits, target, weight=weight, label_smoothing=label_smoothing, reduction="sum"
    )
    if weight is None:
        return total / len(target)
    return total / (target @ weight).sum().clamp_min(torch.finfo(total.dtype).tiny)
