"""What images are like without a network: log p(x) up to a constant, for each image of a batch."""

from torch import Tensor


def log_gaussian(u: Tensor) -> Tensor:
    """Return the log density (N,) of independent standard normal values: -|u|^2 / 2.

    Shape:
        u: (N, C, *spatial) in units of the training data's mean and standard deviation.
    """
    return -u.square().flatten(1).sum(1) / 2


def log_total_variation(u: Tensor) -> Tensor:
    """Return minus the total variation (N,): the absolute differences of neighbours along every axis, summed (Rudin et al. 1992).

    Shape:
        u: (N, C, *spatial).
    """
    total = u.new_zeros(len(u))
    for axis in range(2, u.dim()):
        total = total - u.diff(dim=axis).abs().flatten(1).sum(1)
    return total
