"""Rules about the network: the hand-made baseline of each task and dimension, in the options of
`convnet` and `unet`, so that the search space holds it. docs/plan.md has them with their sources.
"""

from math import log2

from convsweep.planning.decisions import Decisions
from convsweep.planning.look import Look

# Positions along the shortest axis: about so many in the last feature map of a classifier, at least
# so many in the lowest level of a U-Net (nnU-Net).
LAST, LOWEST = 4, 4
# Widths of the first stage, from small to large; the middle one is measured first.
WIDTHS = (8, 16, 32)


def decide_task(decisions: Decisions, task: str) -> None:
    """Decide the model by the task of the data."""
    decisions.choose("model", task, f"the data is for {task}")


def has_own_network(decisions: Decisions) -> bool:
    """Return whether the user gave the network, options of it, or weights that settle it."""
    given = decisions.given
    return any(given.has(key) for key in ("model/net", "model.net", "init_from"))


def decide_network(decisions: Decisions, look: Look, width: int) -> None:
    """Decide the baseline.

    Args:
        width: channels of the first stage or level.
    """
    if has_own_network(decisions):
        return
    spatial = look.in_shape[1:]
    if look.kind.is_dense:
        decide_unet(decisions, look, spatial, width)
    elif len(spatial) == 1:
        decide_signal_net(decisions, spatial[0], width)
    else:
        decide_image_net(decisions, spatial, width)


def decide_image_net(decisions: Decisions, spatial: list[int], width: int) -> None:
    """Decide a VGG-like network for images or volumes: `vgg_small` where images are of 28 to 48
    pixels, `cnn_small` below.
    """
    size = min(spatial)
    decisions.choose("model/net", "convnet", "all its options can be searched")
    stem = 1
    if size > 96:
        stem = 4 if size >= 160 else 2
        decisions.decide("model.net.stem.width", width, f"{size} positions are more than 96")
        decisions.decide("model.net.stem.stride", 2, "the stem of ResNet, which works at half size")
        if stem == 4:
            decisions.decide("model.net.stem.kernel_size", 7, "as in ResNet, from 160 positions on")
            decisions.decide("model.net.stem.pool", "max", "as in ResNet, from 160 positions on")
            decisions.decide("model.net.stem.pool_padding", 1, "as in ResNet")
    stages = max(2, min(5, round(log2(max(1, size / stem / LAST)))))
    decisions.decide(
        "model.net.num_stages",
        stages,
        f"{size // stem} positions, halved in each stage to about {LAST}, at least 2 stages",
    )
    decisions.decide("model.net.num_blocks", 2, "as in vgg_small and cnn_small")
    decide_width(decisions, width)


def decide_width(decisions: Decisions, width: int) -> None:
    """Decide the channels of the first stage or level, which the measured speed may change."""
    decisions.decide(
        "model.net.width",
        width,
        f"of {WIDTHS[0]}, {WIDTHS[1]} and {WIDTHS[2]} the widest that the budget trains long enough"
        ", from 16 on",
    )


def decide_signal_net(decisions: Decisions, length: int, width: int) -> None:
    """Decide a network for signals: the ResNet of Wang et al. 2017 at full resolution, or stages
    with steps where signals are long or short.
    """
    if 64 < length <= 1024:
        decisions.choose(
            "model/net",
            "resnet_1d",
            f"{length} positions; 98.3 % on OSULeaf, 97.9 % published (docs/results.md)",
        )
        decisions.decide(
            "model.net.width",
            [2 * width, 4 * width, 4 * width],
            "half of the paper's at 16, whose time the budget must pay",
        )
        return
    decisions.choose("model/net", "convnet", "all its options can be searched")
    stages = max(2, min(6, round(log2(length / 8))))
    decisions.decide(
        "model.net.num_stages", stages, f"{length} positions, halved in each stage to about 8"
    )
    decisions.decide("model.net.kernel_size", 9 if length > 1024 else 5, "one axis only")
    decisions.decide("model.net.num_blocks", 1, "long kernels instead")
    if length > 1024:
        decisions.decide("model.net.stem.width", width, "recordings")
        decisions.decide("model.net.stem.stride", 4, f"{length} positions are more than 1,024")
        decisions.decide("model.net.stem.kernel_size", 9, "recordings")
        decisions.decide("model.net.width_growth", 1.5, "as in unet_1d")
    decide_width(decisions, width)


def decide_unet(decisions: Decisions, look: Look, spatial: list[int], width: int) -> None:
    """Decide a U-Net: `unet_small`, `unet_3d_small` or `unet_1d` of a depth that suits the size."""
    dim, size = len(spatial), min(spatial)
    preset = {1: "unet_1d", 2: "unet_small", 3: "unet_3d_small"}[dim]
    decisions.choose("model/net", preset, f"for {dim} axes, on a CPU too")
    most = {1: 6, 2: 4, 3: 4}[dim]
    depth = max(1, min(most, int(log2(max(2, size / LOWEST)))))
    decisions.decide(
        "model.net.depth",
        depth,
        f"{size} positions, halved {depth} times to at least {LOWEST} (nnU-Net), at most {most}"
        " times",
    )
    if dim == 2:
        decisions.decide(
            "model.net.block", "residual", "as in experiment=unet_dsb2018 (docs/results.md)"
        )
    decisions.decide(
        "model.net.width",
        width if dim < 3 else max(4, 3 * width // 4),
        "of a ladder by factors of two the widest that the budget trains long enough",
    )
