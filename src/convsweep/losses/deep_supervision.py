"""The loss of a network with outputs at several levels (Lee et al. 2015)."""

from collections.abc import Sequence

from torch import Tensor


def deep_loss(losses: Sequence[Tensor]) -> Tensor:
    """Return the weighted mean of the losses of all outputs, from the uppermost down; each counts
    half as much as the one before it (Isensee et al. 2021, nnU-Net).
    """
    first, *lower = losses
    if not lower:
        return first
    weights = [0.5**level for level in range(1, len(losses))]
    total: Tensor = sum((w * each for w, each in zip(weights, lower, strict=True)), start=first)
    return total / (1 + sum(weights))
