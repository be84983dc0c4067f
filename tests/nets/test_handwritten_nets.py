"""LeNet-5, an MLP and the U-Net of 2015 equal what one would write by hand, under copied
weights.
"""

import pytest
import torch
from net_configs import preset
from torch import Tensor, nn
from torchvision.transforms.v2.functional import center_crop

from convsweep.nets.torchvision_weights import copy_in_order


def test_lenet5_is_the_network_of_1998() -> None:
    by_hand = nn.Sequential(
        nn.Conv2d(1, 6, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.Tanh(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, 10),
    )
    net = preset("lenet5", (1, 32, 32))
    copy_in_order(by_hand, net)
    x = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(net(x), by_hand(x))


def test_mlp_is_a_stack_of_linear_layers() -> None:
    by_hand = nn.Sequential(
        nn.Flatten(),
        nn.Linear(2 * 5 * 7, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 4),
    )
    net = preset("mlp", (2, 5, 7), 4)
    copy_in_order(by_hand, net)
    x = torch.randn(3, 2, 5, 7)
    torch.testing.assert_close(net(x), by_hand(x))


class PaperUNet(nn.Module):
    """Figure 1 of Ronneberger et al. 2015, written out, with channels and depth of choice."""

    def __init__(self, in_channels: int, num_classes: int, widths: list[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            twice(a, b) for a, b in zip([in_channels, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[-2::-1])
        self.across = nn.ModuleList(twice(2 * w, w) for w in widths[-2::-1])
        self.last = nn.Conv2d(widths[0], num_classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips: list[Tensor] = []
        for level, convs in enumerate(self.down):
            x = convs(nn.functional.max_pool2d(x, 2) if level else x)
            skips.insert(0, x)
        for up, convs, skip in zip(self.up, self.across, skips[1:], strict=True):
            x = up(x)
            x = convs(torch.cat([center_crop(skip, list(x.shape[2:])), x], dim=1))
        return self.last(x)


def twice(in_channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU()
    )


@pytest.mark.parametrize(
    ("depth", "size", "out"), [(1, 24, 8), (3, 92, 4), (4, 188, 4), (3, 100, 12)]
)
def test_unet_paper_is_figure_1(depth: int, size: int, out: int) -> None:
    widths = [4 * 2**level for level in range(depth + 1)]
    by_hand = PaperUNet(1, 2, widths)
    net = preset(
        "unet_paper", (1, size, size), 2, [f"model.net.depth={depth}", "model.net.width=4"]
    )
    copy_in_order(by_hand, net)
    x = torch.randn(2, 1, size, size)
    assert net(x).shape == (2, 2, out, out)
    torch.testing.assert_close(net(x), by_hand(x))
