"""An example network; any module from (N, C, *spatial) to logits works."""

import torch
from torch import Tensor, nn


class OwnNet(nn.Module):
    """Two convolutions with a skip connection, global average pooling, and a linear head.

    Args:
        in_channels: channels of the data.
        num_classes: number of logits.
        width: hidden channels.
    """

    def __init__(self, in_channels: int, num_classes: int, width: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, kernel_size=3, padding=1)
        self.conv = nn.Conv2d(width, width, kernel_size=3, padding=1)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Shape: (N, in_channels, H, W) to (N, num_classes) logits."""
        x = torch.relu(self.stem(x))
        x = x + torch.relu(self.conv(x))
        logits: Tensor = self.head(x.mean(dim=(-2, -1)))
        return logits
