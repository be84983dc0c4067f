"""Normalisation of the input by the training split's mean and standard deviation, kept in the checkpoint."""

import torch
from torch import Tensor, nn


class Normalize(nn.Module):
    """Subtract a mean and divide by a standard deviation, one of each a channel.

    Args:
        mean, std: (C,) in the units of the input.

    Shape:
        (N, C, *) of any dtype to (N, C, *) float.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", 1 / torch.as_tensor(std, dtype=torch.float32).clamp_min(1e-8))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input."""
        channel = (1, -1) + (1,) * (x.dim() - 2)
        scale = self.scale.view(channel)
        return torch.addcmul(-self.mean.view(channel) * scale, x.to(scale.dtype), scale)
