"""The soft Dice loss: how little predicted and true regions overlap (Milletari et al. 2016)."""

import torch
from torch import Tensor
from torch.nn import functional as F


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
