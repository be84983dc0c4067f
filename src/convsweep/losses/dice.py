"""The soft Dice loss: 1 - the overlap of predicted and true regions (Milletari et al. 2016)."""

from torch import Tensor

from convsweep.losses.tversky import tversky_index


def dice_loss(logits: Tensor, target: Tensor, ignore_index: int, smooth: float = 1.0) -> Tensor:
    """Return 1 - the mean soft Dice coefficient over the classes of a batch (Milletari et al. 2016,
    eq. 1).

    Args:
        logits: (N, K, *).
        target: (N, *) classes; positions labelled `ignore_index` do not count.
        smooth: added to numerator and denominator, so that a class absent from both scores 1.
    """
    return 1 - tversky_index(logits, target, ignore_index, 0.5, 0.5, smooth / 2).mean()
