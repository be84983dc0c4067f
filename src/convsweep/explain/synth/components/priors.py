"""Total-variation prior."""

from torch import Tensor


def log_total_variation(u: Tensor) -> Tensor:
    """Return minus the total variation (N,): the absolute differences of neighbours along every
    axis, summed (Rudin et al. 1992).

    Shape:
        u: (N, C, *spatial).
    """
    total = u.new_zeros(len(u))
    for axis in range(2, u.dim()):
        total = total - u.diff(dim=axis).abs().flatten(1).sum(1)
    return total
