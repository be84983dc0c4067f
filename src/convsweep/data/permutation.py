"""The fixed permutation of positions under `data.permute`, and its inverse."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from convsweep.data.samples import Indices
from convsweep.errors import UserError


def fixed_permutation(spatial_shape: Sequence[int]) -> Indices:
    """Return the permutation of positions under `data.permute`, (prod(spatial),)."""
    return np.random.default_rng(0).permutation(int(np.prod(spatial_shape)))


def permute_positions(x: Tensor, order: Tensor, dim: int) -> Tensor:
    """Return a tensor with the positions along its last `dim` axes in this order."""
    return x.flatten(-dim)[..., order].reshape(x.shape)


class Permutation(nn.Module):
    """Permutes the positions of samples (N, C, *spatial) as in the training of a network.

    Args:
        spatial_shape: of the samples.
    """

    order: Tensor
    back: Tensor

    def __init__(self, spatial_shape: Sequence[int]) -> None:
        super().__init__()
        self.spatial_shape = tuple(spatial_shape)
        order = torch.from_numpy(fixed_permutation(spatial_shape))
        self.register_buffer("order", order)
        self.register_buffer("back", order.argsort())

    def forward(self, x: Tensor) -> Tensor:
        """Return samples permuted.

        Raises:
            UserError: they have another size.
        """
        if tuple(x.shape[2:]) != self.spatial_shape:
            rule = (
                "a network of permuted positions (data.permute=true) takes samples of"
                f" {self.spatial_shape} alone"
            )
            raise UserError(
                f"{rule}, but these are of {tuple(x.shape[2:])}; leave out what changes their size"
            )
        return permute_positions(x, self.order, x.dim() - 2)

    def undo(self, answer: Tensor) -> Tensor:
        """Return outputs at every position (N, K, *spatial) in the original order; outputs (N, K)
        are unchanged.
        """
        return (
            permute_positions(answer, self.back, answer.dim() - 2) if answer.dim() > 2 else answer
        )
