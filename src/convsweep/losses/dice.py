"""The soft Dice loss: how little predicted and true regions overlap (Milletari et al. 2016)."""

import torch
from torch import Tensor


def dice_loss(logits: Tensor, target: Tensor, ignore_index: int, smooth: float = 1.0) -> Tensor:
    """Return 1 - the mean soft Dice coefficient over the classes of a batch (Milletari et al. 2016,
    eq. 1).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        smooth: added to numerator and denominator, so that a class absent from both scores 1.
    """
    counted = (target != ignore_index).unsqueeze(1)
    classes = torch.arange(logits.shape[1], device=target.device).view(
        -1, *[1] * (target.dim() - 1)
    )
    truth = (target.unsqueeze(1) == classes) & counted
    probs = logits.softmax(dim=1) * counted
    axes = (0, *range(2, logits.dim()))
    overlap, size = (probs * truth).sum(axes), probs.sum(axes) + truth.sum(axes)
    return 1 - ((2 * overlap + smooth) / (size + smooth)).mean()
