"""Base class of losses of regions, to which cross-entropy can be added."""

from abc import abstractmethod

from torch import Tensor

from convsweep.errors import UserError
from convsweep.losses.class_loss import NO_CLASS, ClassLoss
from convsweep.losses.cross_entropy import CrossEntropy


class RegionLoss(ClassLoss):
    """A loss that compares the predicted and true region of each class in a batch as a whole.

    Args:
        cross_entropy_weight: weight of the cross-entropy added to it, 0 for none.
    """

    def __init__(self, cross_entropy_weight: float = 0.0) -> None:
        super().__init__()
        check_not_negative("cross_entropy_weight", cross_entropy_weight)
        self.cross_entropy_weight = cross_entropy_weight
        self.cross_entropy = CrossEntropy()

    @abstractmethod
    def region_loss(
        self, logits: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int
    ) -> Tensor:
        """Return the loss without cross-entropy; with the arguments of `ClassLoss.forward`."""

    def forward(
        self,
        logits: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        ignore_index: int = NO_CLASS,
    ) -> Tensor:
        loss = self.region_loss(logits, target, weight, ignore_index)
        if self.cross_entropy_weight:
            added: Tensor = self.cross_entropy(logits, target, weight, ignore_index)
            loss = loss + self.cross_entropy_weight * added
        return loss


def check_not_negative(name: str, value: float) -> None:
    """Check an option of a loss.

    Raises:
        UserError: it is negative.
    """
    if value < 0:
        raise UserError(f"model.loss.{name} must be a number >= 0, but is {value}")
