"""Compare the CPU time of a training step of our presets with torchvision's same networks.

    python benchmarks/blocks.py [PRESET ...] [--rounds 7] [--steps 2] [--size 96] [--batch 8]

Both have the same weights and the layout that suits them (channels last); forward, loss, backward
and an SGD step on one thread. The ways take turns within a round; printed are the median CPU time a
step of each and the median and range of their ratio within a round.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import torch
from torch import nn
from torchvision import models

from convsweep.nets.torchvision_weights import copy_in_order

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "nets"))
from net_configs import preset

PRESETS = (
    "resnet18",
    "resnext50_32x4d",
    "densenet121",
    "regnet_y_400mf",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "convnext_tiny",
)


def cpu_ms(net: nn.Module, x: torch.Tensor, y: torch.Tensor, steps: int) -> float:
    """Return the CPU time of a training step in ms."""
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    begin = time.process_time()
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
    return 1000 * (time.process_time() - begin) / steps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("presets", nargs="*", default=PRESETS)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--size", type=int, default=96, help="pixels of a side")
    parser.add_argument("--batch", type=int, default=8)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x = torch.randn(options.batch, 3, options.size, options.size)
    x = x.contiguous(memory_format=torch.channels_last)
    y = torch.arange(options.batch)
    print("| preset | torchvision, ms a step | ours | ratio, median (range) |\n|---|---|---|---|")
    for name in options.presets:
        theirs = models.get_model(name)
        ours = preset(name, (3, options.size, options.size), 1000)
        copy_in_order(theirs, ours)
        nets = [net.train().to(memory_format=torch.channels_last) for net in (theirs, ours)]
        for net in nets:
            cpu_ms(net, x, y, 1)
        pairs = []
        for number in range(options.rounds):
            turns = nets if number % 2 == 0 else nets[::-1]
            taken = [cpu_ms(net, x, y, options.steps) for net in turns]
            pairs.append(taken if number % 2 == 0 else taken[::-1])
        ratios = [mine / other for other, mine in pairs]
        print(
            f"| {name} | {median(pair[0] for pair in pairs):.0f} |"
            f" {median(pair[1] for pair in pairs):.0f} |"
            f" {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
