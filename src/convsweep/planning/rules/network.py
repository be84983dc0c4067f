"""Rules about the network: the hand-made baseline of each task and dimension, in the options of
`convnet` and `unet`, so that the search space holds it. docs/plan.md has them with their sources.
"""

from collections.abc import Iterator
from math import log2
from typing import Any

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look
from convsweep.planning.look.words import WORDS
from convsweep.training.default_net import (
    LAST,
    LAST_OF_SIGNAL,
    LONG_SIGNAL,
    POOLS_FROM,
    SHORT_SIGNAL,
    STRIDES_FROM,
    image_stages,
    image_stem,
    options_for_long_signals,
    signal_stages,
)

# At least so many positions along the shortest axis in the lowest level of a U-Net (nnU-Net).
LOWEST = 4
# Widths of the first stage, from small to large; the middle one is measured first.
WIDTHS = (8, 16, 32)
WIDTH_RULE = (
    f"a width is {WIDTHS[1]}; {WIDTHS[0]} if the budget pays less than a third of the epochs of the"
    f" recipe, or of a given trainer.max_epochs, at {WIDTHS[1]}; {WIDTHS[2]} if it pays all of them"
    f" at {WIDTHS[2]} (taken as four times the time of {WIDTHS[1]})"
)
SEARCHABLE = "the family whose options a search can vary"


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
    """Decide a VGG-like network for images or volumes, with the stem and the stages of the default
    network (`model/net=auto`).
    """
    size = min(spatial)
    decisions.choose("model/net", "convnet", SEARCHABLE)
    reduction, stem = image_stem(size, width)
    for name, value in stem.items():
        decisions.decide(
            f"model.net.stem.{name}",
            value,
            f"{size} positions; a stem strides from {STRIDES_FROM} on and pools from {POOLS_FROM}"
            " on, as model/net=auto",
        )
    decisions.decide(
        "model.net.num_stages",
        image_stages(size / reduction),
        f"{size // reduction} positions{' after the stem' if stem else ''}, halved in each stage"
        f" to about {LAST}, 2 to 5 stages",
    )
    decisions.decide("model.net.num_blocks", 2, "as in vgg_small and cnn_small")
    decide_width(decisions, width)


def decide_width(decisions: Decisions, width: int) -> None:
    """Decide the channels of the first stage or level, which the measured speed may change."""
    decisions.decide("model.net.width", width, WIDTH_RULE)


def decide_signal_net(decisions: Decisions, length: int, width: int) -> None:
    """Decide a network for signals: the ResNet of Wang et al. 2017 at full resolution, or stages
    with steps where signals are short or long.
    """
    if SHORT_SIGNAL < length <= LONG_SIGNAL:
        decisions.choose(
            "model/net",
            "resnet_1d",
            f"{length} positions; 98.3 % on OSULeaf, 97.9 % published (docs/results.md)",
        )
        decisions.decide(
            "model.net.width",
            [2 * width, 4 * width, 4 * width],
            f"{width} times 2, 4 and 4; the paper's are 64, 128 and 128; {WIDTH_RULE}",
        )
        return
    decisions.choose("model/net", "convnet", SEARCHABLE)
    if length <= SHORT_SIGNAL:
        decisions.decide(
            "model.net.num_stages",
            signal_stages(length),
            f"{length} positions, halved in each stage to about {LAST_OF_SIGNAL}, 2 to 6 stages",
        )
        decisions.decide("model.net.kernel_size", 5, "5 positions of one axis")
        decisions.decide("model.net.num_blocks", 1, "of a kernel of 5 instead of two of 3")
    else:
        for name, value in flat(options_for_long_signals(length, width)):
            decisions.decide(
                f"model.net.{name}",
                value,
                f"{length} positions, more than {LONG_SIGNAL:,}; as model/net=auto: a stem with"
                f" stride 4, then halved in each stage to about {LAST_OF_SIGNAL}, 2 to 6 stages",
            )
    decide_width(decisions, width)


def flat(options: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield options with dotted names."""
    for name, value in options.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", each) for inner, each in flat(value))
        else:
            yield name, value


def decide_unet(decisions: Decisions, look: Look, spatial: list[int], width: int) -> None:
    """Decide a U-Net: `unet_small`, `unet_3d_small` or `unet_1d` of a depth that suits the size."""
    dim, size = len(spatial), min(spatial)
    preset = {1: "unet_1d", 2: "unet_small", 3: "unet_3d_small"}[dim]
    decisions.choose("model/net", preset, f"for {WORDS[dim]}, on a CPU too")
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
    if dim < 3:
        decide_width(decisions, width)
    else:
        why = f"three quarters of {width}: {WIDTH_RULE}"
        decisions.decide("model.net.width", 3 * width // 4, why)
