"""Anti-aliased downsampling: a binomial filter before subsampling (Zhang 2019)."""

from math import comb

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONVOLVE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


class BlurPool(nn.Module):
    """A fixed binomial filter with a stride, applied to each feature map separately; borders are
    reflected.

    Args:
        dim: spatial axes.
        channels: feature maps.
        size: positions of the filter along an axis: 3 is [1, 2, 1] / 4.
        stride: step of the filter.

    Shape:
        (N, C, *spatial) to (N, C, *) with (positions + 2 * (size // 2) - size) // stride + 1 each.
    """

    def __init__(self, dim: int, channels: int, size: int, stride: int) -> None:
        super().__init__()
        self.size, self.stride = size, stride
        row = torch.tensor([float(comb(size - 1, index)) for index in range(size)])
        kernel = row
        for _ in range(dim - 1):
            kernel = kernel.unsqueeze(-1) * row
        kernel = kernel / kernel.sum()
        self.register_buffer(
            "kernel", kernel.expand(channels, 1, *kernel.shape).clone(), persistent=False
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the smoothed feature maps at every `stride`-th position."""
        dim, kernel = x.dim() - 2, self.get_buffer("kernel")
        padded = F.pad(x, (self.size // 2,) * (2 * dim), mode="reflect")
        smooth: Tensor = CONVOLVE[dim](
            padded, kernel.to(x.dtype), stride=self.stride, groups=len(kernel)
        )
        return smooth

    def extra_repr(self) -> str:
        """Return size and stride, for torch's representation."""
        return f"size={self.size}, stride={self.stride}"
