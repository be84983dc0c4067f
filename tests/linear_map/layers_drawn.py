"""Linear layers of every kind, each with the shape of an input."""

from torch import nn

from convsweep.nets.blocks import conv

LAYERS: dict[str, tuple[nn.Module, tuple[int, ...]]] = {
    "plain": (nn.Conv1d(1, 1, 3), (1, 8)),
    "channels": (nn.Conv1d(3, 4, 5, padding=2), (3, 9)),
    "stride": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 7, 8)),
    "dilation": (nn.Conv2d(2, 3, (3, 2), dilation=(2, 3), padding=(2, 0)), (2, 9, 7)),
    "groups": (nn.Conv2d(4, 6, 3, groups=2), (4, 6, 5)),
    "depthwise": (nn.Conv1d(4, 8, 3, groups=4, padding=1), (4, 6)),
    "everything": (nn.Conv2d(4, 4, (5, 3), (3, 2), (4, 1), (1, 2), 2), (4, 8, 11)),
    "without bias": (nn.Conv2d(1, 2, 3, bias=False), (1, 5, 5)),
    "volume": (nn.Conv3d(2, 2, (1, 2, 3), (1, 2, 1), (0, 1, 1)), (2, 3, 4, 5)),
    "torch's same": (nn.Conv2d(1, 2, (4, 3), padding="same", dilation=(1, 2)), (1, 6, 7)),
    "torch's valid": (nn.Conv1d(1, 2, 4, padding="valid"), (1, 7)),
    "same, even kernel": (conv(2, 2, 3, 4), (2, 6, 5)),
    "same, even kernel, stride": (conv(1, 2, 3, 2, stride=2, dilation=3), (2, 9)),
    "same, odd kernel": (conv(3, 1, 2, 3), (1, 3, 4, 3)),
    "full": (conv(2, 2, 2, 3, padding="full"), (2, 4, 5)),
    "valid": (conv(1, 2, 2, 3, padding="valid"), (2, 6)),
    "transposed": (nn.ConvTranspose1d(2, 3, 3), (2, 5)),
    "transposed, stride": (nn.ConvTranspose2d(2, 3, 3, 2, 1, output_padding=1), (2, 4, 3)),
    "transposed, groups": (
        nn.ConvTranspose2d(4, 6, (2, 3), (2, 1), (0, 2), groups=2, dilation=(1, 2)),
        (4, 3, 5),
    ),
    "transposed, volume": (nn.ConvTranspose3d(1, 2, 2, 2), (1, 2, 3, 2)),
    "average": (nn.AvgPool2d(2), (3, 4, 6)),
    "average, overlapping": (nn.AvgPool1d(3, 2, 1), (2, 8)),
    "average, border not counted": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), (1, 6, 7)),
    "average, rounded up": (nn.AvgPool2d(3, 2, 1, ceil_mode=True), (1, 6, 7)),
    "average, rounded up, border not counted": (
        nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (1, 6, 7),
    ),
    "average, own divisor": (nn.AvgPool2d(2, divisor_override=3), (2, 5, 4)),
    "average, volume": (nn.AvgPool3d((1, 2, 2)), (2, 2, 4, 4)),
    "adaptive average": (nn.AdaptiveAvgPool2d((3, 2)), (2, 7, 5)),
    "global average": (nn.AdaptiveAvgPool1d(1), (3, 8)),
    "fully connected": (nn.Linear(12, 5), (12,)),
}
