"""A mean over an epoch: two additions a step, no synchronisation with the device."""

from collections.abc import Callable

import torch
from torch import Tensor


class RunningMean:
    """Weighted sum of values, read once an epoch."""

    def __init__(self) -> None:
        self.total: Tensor | None = None
        self.weight = 0

    def add(self, value: Tensor, weight: int) -> None:
        """Add a scalar tensor, the mean of `weight` samples."""
        part = value.detach().float() * weight
        self.total = part if self.total is None else self.total + part
        self.weight += weight

    def compute(self, over_devices: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the weighted mean over all devices and reset.

        Args:
            over_devices: returns the sum of a tensor over all devices.
        """
        assert self.total is not None, "nothing was added"
        total, weight = over_devices(
            torch.stack([self.total, torch.full_like(self.total, self.weight)])
        )
        self.total, self.weight = None, 0
        mean: Tensor = total / weight
        return mean


def not_finite(value: Tensor) -> bool:
    """Return whether a scalar is NaN or infinite (synchronises with the device)."""
    return not bool(torch.isfinite(value))
