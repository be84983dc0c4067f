"""The Lovász-softmax loss (Berman et al. 2018): the intersection over union of classes, made
continuous by its Lovász extension.
"""

import torch
from torch import Tensor

from convsweep.losses.class_loss import class_shares, mean_over_classes
from convsweep.losses.region_loss import RegionLoss


class Lovasz(RegionLoss):
    """Mean over the classes that are present in the target; takes classes only.

    Args:
        per_sample: compare the regions of each sample, and average over samples, instead of regions
            over the whole batch.
        cross_entropy_weight: see `RegionLoss`.
    """

    def __init__(self, per_sample: bool = False, cross_entropy_weight: float = 0.0) -> None:
        super().__init__(cross_entropy_weight)
        self.per_sample = per_sample

    def region_loss(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        if target.is_floating_point():
            raise ValueError("the Lovász loss takes classes, not probabilities")
        logits = logits.float()
        shares, counted = class_shares(target, logits.shape[1], ignore_index)
        # ignored positions have error 0, so they are sorted last and add nothing
        errors = (shares - logits.softmax(dim=1)).abs() * counted
        regions, errors = self.flat(shares), self.flat(errors)
        errors, order = errors.sort(dim=-1, descending=True)
        losses = (errors * lovasz_gradient(regions.gather(-1, order))).sum(-1)
        present = (regions.sum(-1) > 0).to(losses.dtype)
        return mean_over_classes(losses, present if weight is None else present * weight).mean()

    def flat(self, values: Tensor) -> Tensor:
        """Return values (N, K, *) as (1, K, positions of the batch) or (N, K, positions)."""
        values = values.flatten(2) if values.dim() > 2 else values.unsqueeze(2)
        return values if self.per_sample else values.transpose(0, 1).flatten(1).unsqueeze(0)


def lovasz_gradient(regions: Tensor) -> Tensor:
    """Return the gradient of the Lovász extension of the Jaccard loss along the last axis (Berman
    et al. 2018, algorithm 1).

    Args:
        regions: (..., P) 1 in the region and 0 outside, sorted by decreasing error.
    """
    size = regions.sum(-1, keepdim=True)
    union = size + (1 - regions).cumsum(-1)
    # a class that is absent has no loss; its union is 0 where nothing precedes
    jaccard = 1 - (size - regions.cumsum(-1)) / union.clamp_min(torch.finfo(union.dtype).tiny)
    return torch.cat([jaccard[..., :1], jaccard.diff(dim=-1)], dim=-1)
