"""The search space that suits a task, the number of axes and the baseline."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look
from convsweep.planning.rules.network import has_own_network
from hydra_study import override_text

# Networks of more multiply-accumulates than so many times the baseline's are not trained.
MACS_FACTOR = 3.0
# Learning rates around that of the baseline.
LR_BELOW, LR_ABOVE = 5.0, 5.0
# Kernels of the convolutions of a block for signals: those of Wang et al. 2017, and longer first
# ones, as in sweeps/series_kernel_dilation.yaml.
KERNELS = (8, 5, 3), (16, 8, 3), (32, 8, 3)


@dataclass(frozen=True)
class Dimension:
    """A parameter of the space.

    Args:
        key: key or group of the config.
        values: choices, or the two ends of an interval that is searched by its logarithm.
        baseline: its value in the baseline.
        is_interval: whether `values` are ends.
    """

    key: str
    values: list[Any]
    baseline: Any
    is_interval: bool = False

    @property
    def text(self) -> str:
        """The sweep of Hydra's grammar."""
        if self.is_interval:
            low, high = self.values
            return f"tag(log, interval({low:.1e}, {high:.1e}))"
        return f"choice({','.join(map(override_text, self.values))})"

    def draw(self, generator: random.Random) -> Any:
        """Return a random value."""
        if not self.is_interval:
            return generator.choice(self.values)
        low, high = self.values
        return low * (high / low) ** generator.random()


def make_space(decisions: Decisions, look: Look, augmentations: list[str]) -> list[Dimension]:
    """Return the parameters to search, without those that the user gave."""
    space: list[Dimension] = []

    def add(key: str, *values: Any, baseline: Any) -> None:
        options = [*values] if baseline in values else [*values, baseline]
        if not any(isinstance(each, str | list) for each in options):
            options = sorted(set(options))
        if len(options) > 1 and not decisions.given.has(key):
            space.append(Dimension(key, options, baseline))

    if not has_own_network(decisions):
        if look.kind.is_dense:
            add_unet(add, decisions, look)
        elif decisions.get("model/net") == "resnet_1d":
            add_resnet_1d(add, decisions)
        else:
            add_convnet(add, decisions)
    if len(augmentations) > 1 and not decisions.given.has("data/augment"):
        add("data/augment", *augmentations, baseline=decisions.get("data/augment"))
    if look.kind.has_labels:
        add("model.label_smoothing", 0.1, baseline=0.0)
    lr = float(decisions.get("optimizer.lr"))
    if not decisions.given.has("optimizer.lr"):
        ends = [lr / LR_BELOW, lr * LR_ABOVE]
        space.append(Dimension("optimizer.lr", ends, lr, is_interval=True))
    if not decisions.given.has("optimizer"):
        decay = Dimension("optimizer.weight_decay", [1e-4, 0.2], 0.01, is_interval=True)
        space.append(decay)
    return space


def add_convnet(add: Any, decisions: Decisions) -> None:
    """Add depth, width, blocks, kernels, skips and steps of a classifier."""
    net = "model.net"
    stages, width = decisions.get(f"{net}.num_stages"), decisions.get(f"{net}.width")
    blocks, kernel = decisions.get(f"{net}.num_blocks"), decisions.get(f"{net}.kernel_size", 3)
    add(f"{net}.num_stages", max(1, stages - 1), stages + 1, baseline=stages)
    add(f"{net}.num_blocks", 1, 2, 3, baseline=blocks)
    add(f"{net}.width", width // 2, width * 3 // 2, width * 2, baseline=width)
    add(f"{net}.block", "plain", "basic", baseline="plain")
    add(f"{net}.skip", "none", "add", baseline="none")
    add(f"{net}.kernel_size", kernel + 2, baseline=kernel)
    add(f"{net}.downsample", "max", "stride", "average", baseline="max")
    add(f"{net}.attention", "none", "se", baseline="none")
    add(f"{net}.activation", "relu", "silu", baseline="relu")
    add(f"{net}.head.dropout", 0.2, baseline=0.0)


def add_resnet_1d(add: Any, decisions: Decisions) -> None:
    """Add width, kernels, dilation, skips and steps of the ResNet for signals."""
    net = "model.net"
    width = decisions.get(f"{net}.width")
    add(
        f"{net}.width",
        *([round(share * each) for each in width] for share in (0.5, 1.5)),
        baseline=width,
    )
    add(
        f"{net}.kernel_size",
        *([list(each)] * len(width) for each in KERNELS[1:]),
        baseline=[list(KERNELS[0])] * len(width),
    )
    add(f"{net}.dilation", [1, 2, 4], [1, 4, 16], baseline=1)
    add(f"{net}.skip", "none", "add", baseline="add")
    add(f"{net}.norm", "batch", "instance", baseline="batch")
    add(f"{net}.downsample", "none", "max", "stride", baseline="none")
    add(f"{net}.attention", "none", "se", baseline="none")
    add(f"{net}.dropout", 0.1, 0.2, baseline=0.0)


def add_unet(add: Any, decisions: Decisions, look: Look) -> None:
    """Add depth, width, blocks, skips and steps of a U-Net."""
    net, dim = "model.net", len(look.in_shape) - 1
    depth, width = decisions.get(f"{net}.depth"), decisions.get(f"{net}.width")
    add(f"{net}.depth", max(1, depth - 1), depth + 1, baseline=depth)
    add(f"{net}.width", width // 2, width * 3 // 2, width * 2, baseline=width)
    add(f"{net}.num_convs", 1, 2, 3, baseline=1 if dim == 1 else 2)
    add(f"{net}.block", "plain", "residual", baseline=decisions.get(f"{net}.block", "plain"))
    add(f"{net}.downsample", "max", "stride", baseline="max")
    add(f"{net}.upsample", "transposed", "linear", baseline="transposed")
    add(f"{net}.skip", "add", "concat", baseline="concat")
    if dim == 1:
        add(f"{net}.kernel_size", 5, 15, baseline=9)
    else:
        add(f"{net}.norm", "batch", "instance", baseline="instance" if dim == 3 else "batch")


def baseline_point(space: Sequence[Dimension]) -> dict[str, Any]:
    """Return the baseline as a point of the space, whose lists are text."""
    return {
        each.key: override_text(each.baseline) if isinstance(each.baseline, list) else each.baseline
        for each in space
    }


def random_point(space: list[Dimension], generator: random.Random) -> dict[str, Any]:
    """Return a random point."""
    return {dimension.key: dimension.draw(generator) for dimension in space}
