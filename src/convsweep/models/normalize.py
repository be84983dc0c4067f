"""Normalisation of the input by mean and standard deviation of the training split (kept in the
checkpoint) or of each sample.
"""

from typing import Literal

import torch
from torch import Tensor, nn

NormalizeBy = Literal["training_split", "sample"]


class Normalize(nn.Module):
    """Subtract the mean and divide by the standard deviation of each channel.

    Args:
        mean, std: (C,) of the training split in the units of the input.
        by: `sample` uses the mean and standard deviation of each sample's own positions instead:
            for images whose brightness says more about how they were taken than about what is in
            them (Isensee et al. 2021, nnU-Net).

    Shape:
        (N, C, *) of any dtype to (N, C, *) float.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, std: Tensor, by: NormalizeBy = "training_split") -> None:
        super().__init__()
        self.by = by
        self.register_buffer("mean", torch.as_tensor(mean, dtype=torch.float32))
        self.register_buffer("scale", 1 / torch.as_tensor(std, dtype=torch.float32).clamp_min(1e-8))

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised input."""
        x = x.to(self.scale.dtype)
        if self.by == "sample":
            variance, mean = exported_var_mean(x) if torch.compiler.is_exporting() else var_mean(x)
            return (x - mean) * variance.clamp_min(1e-8).rsqrt()
        channel = (1, -1) + (1,) * (x.dim() - 2)
        scale = self.scale.view(channel)
        return torch.addcmul(-self.mean.view(channel) * scale, x, scale)


def var_mean(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return variance and mean over all positions (N, C, 1, ...) of each channel of each sample (N,
    C, *).
    """
    variance, mean = torch.var_mean(x, tuple(range(2, x.dim())), correction=0, keepdim=True)
    return variance, mean


def exported_var_mean(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return variance and mean computed axis by axis: onnxruntime sums all positions in sequence,
    which is inexact for volumes.
    """

    def average(values: Tensor) -> Tensor:
        for axis in range(2, x.dim()):
            values = values.mean(axis, keepdim=True)
        return values

    mean = average(x)
    return average((x - mean).square()), mean
