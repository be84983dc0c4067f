"""Cross-entropy that returns 0, not NaN, if every position is ignored."""

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
