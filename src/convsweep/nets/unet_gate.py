"""Attention gates: a factor for each position of the encoder's maps that a skip passes on."""

from torch import Tensor, nn
from torch.nn import functional as F

from convsweep.nets.blocks import LINEAR_UPSAMPLE, conv


class AttentionGate(nn.Module):
    """Additive attention over positions (Oktay et al. 2018, eq. 1 and 2).

    The factors are computed at the decoder's resolution and enlarged by linear interpolation.

    Args:
        dim: spatial axes.
        channels: maps of the encoder.
        gating_channels: maps of the decoder, one level below.
        step: ratio of their resolutions.

    Shape:
        x (N, C, *spatial) and below (N, G, *spatial / step) to (N, C, *spatial).
    """

    def __init__(self, dim: int, channels: int, gating_channels: int, step: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.look = conv(dim, channels, inner, step, stride=step, padding="valid", bias=False)
        self.gating = conv(dim, gating_channels, inner, 1)
        self.score = conv(dim, inner, 1, 1)

    def forward(self, x: Tensor, below: Tensor) -> Tensor:
        """Return the maps, each position multiplied by its factor between 0 and 1."""
        factors = self.score(F.relu(self.look(x) + self.gating(below))).sigmoid()
        mode = LINEAR_UPSAMPLE[x.dim() - 2]
        enlarged = F.interpolate(factors, x.shape[2:], mode=mode, align_corners=False)
        gated: Tensor = x * enlarged
        return gated
