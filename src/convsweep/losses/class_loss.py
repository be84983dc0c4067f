"""Base class of losses for class targets, and conversion of targets to class probabilities."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

# Default of `ignore_index` in torch's cross-entropy.
NO_CLASS = -100


class ClassLoss(nn.Module, ABC):
    """A loss of logits and classes that supports class weights and an ignored label.

    A subclass that takes only classes raises ValueError for probabilities as targets.

    Attributes:
        takes_labels: whether it also takes any number of labels a sample as targets, (N, K) of 0
            and 1.
    """

    takes_labels: bool = False

    @abstractmethod
    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = NO_CLASS,
    ) -> Tensor:
        """Return the mean loss of a batch, 0 if no position counts.

        Args:
            logits: (N, K, *) of samples, or of positions along any number of axes.
            target: (N, *) classes, or (N, K, *) probabilities of the classes.
            weight: (K,) weights of the classes, None for equal ones.
            ignore_index: positions of this class do not count.
        """


def class_shares(target: Tensor, num_classes: int, ignore_index: int) -> tuple[Tensor, Tensor]:
    """Return the target probability of each class at each position, and which positions count.

    Shape:
        target: (N, *) classes or (N, K, *) probabilities -> (N, K, *) float, (N, 1, *) bool
    """
    if target.is_floating_point():
        return target, torch.ones_like(target[:, :1], dtype=torch.bool)
    classes = torch.arange(num_classes, device=target.device).view(-1, *[1] * (target.dim() - 1))
    counted = (target != ignore_index).unsqueeze(1)
    return ((target.unsqueeze(1) == classes) & counted).float(), counted


def position_weights(
    target: Tensor, weight: Tensor | None, ignore_index: int, dtype: torch.dtype
) -> Tensor:
    """Return how much each position (N, *) of class targets counts: the weight of its class, 0 if
    it is ignored.
    """
    counted = target != ignore_index
    weights = counted.to(dtype)
    return weights if weight is None else weights * weight[torch.where(counted, target, 0)]


def mean_over_classes(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Return the weighted mean of the classes' losses (..., K); 0 if all weights are 0."""
    if weight is None:
        return losses.mean(-1)
    return (losses * weight).sum(-1) / weight.sum(-1).clamp_min(torch.finfo(losses.dtype).tiny)
