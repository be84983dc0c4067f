"""Losses that torch does not have."""

import torch
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int) -> Tensor:
    """Return the mean cross-entropy of the positions that count, 0 where none does (torch: NaN, which ends a training).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        weight: (K,) weights of the classes, None for equal ones.
    """
    total = F.cross_entropy(logits, target, weight=weight, ignore_index=ignore_index, reduction="sum")
    counted = target != ignore_index
    shares = counted.to(total.dtype) if weight is None else weight[torch.where(counted, target, 0)] * counted
    return total / shares.sum().clamp_min(torch.finfo(total.dtype).tiny)


def dice_loss(logits: Tensor, target: Tensor, ignore_index: int, smooth: float = 1.0) -> Tensor:
    """Return 1 - the mean soft Dice coefficient over the classes of a batch (Milletari et al. 2016, eq. 1).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        smooth: added to numerator and denominator, so that a class absent from both scores 1.
    """
    counted = target != ignore_index
    probs = logits.softmax(dim=1) * counted.unsqueeze(1)
    truth = F.one_hot(torch.where(counted, target, 0), logits.shape[1]).movedim(-1, 1) * counted.unsqueeze(1)
    axes = (0, *range(2, logits.dim()))
    overlap, size = (probs * truth).sum(axes), probs.sum(axes) + truth.sum(axes)
    return 1 - ((2 * overlap + smooth) / (size + smooth)).mean()
