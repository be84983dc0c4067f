"""Cross-entropy of classes, which returns 0, not NaN, if every position is ignored, and of
probabilities of classes.
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
) -> Tensor:
    """Return the mean cross-entropy of the positions that count, 0 where none does (torch: NaN,
    which ends a training).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        weight: (K,) weights of the classes, None for equal ones.
    """
    total = F.cross_entropy(
        logits, target, weight=weight, ignore_index=ignore_index, reduction="sum"
    )
    counted = target != ignore_index
    shares = (
        counted.to(total.dtype)
        if weight is None
        else weight[torch.where(counted, target, 0)] * counted
    )
    return total / shares.sum().clamp_min(torch.finfo(total.dtype).tiny)


def soft_cross_entropy(
    logits: Tensor, target: Tensor, weight: Tensor | None, label_smoothing: float = 0.0
) -> Tensor:
    """Return the mean cross-entropy of samples whose target is a probability of each class.

    It is divided by the sum of the samples' weights, as torch does for classes, so that both give
    the same where a class is certain; torch divides by the number of samples here.

    Args:
        logits: (N, K).
        target: (N, K) probabilities.
        weight: (K,) weights of the classes, None for equal ones.
        label_smoothing: probability moved to all classes.
    """
    total = F.cross_entropy(
        logits, target, weight=weight, label_smoothing=label_smoothing, reduction="sum"
    )
    if weight is None:
        return total / len(target)
    return total / (target @ weight).sum().clamp_min(torch.finfo(total.dtype).tiny)
