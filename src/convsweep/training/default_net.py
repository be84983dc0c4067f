"""The network that a training has where none is named: one that suits the size of its samples."""

from collections.abc import Sequence
from math import log2
from typing import Any

from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, open_dict

from convsweep.cli.console import say
from convsweep.distributed.ranks import is_first
from convsweep.nets.geometry import shape_text
from hydra_study import trial

# Positions from which the stem of an image's network strides, and pools too.
STRIDES_FROM, POOLS_FROM = 64, 160
# Signals of up to so many positions are short, and of more than so many are long.
SHORT_SIGNAL, LONG_SIGNAL = 64, 1024
# Positions of the last feature map of an image and a signal, about.
LAST, LAST_OF_SIGNAL = 4, 8
# Channels of a stem.
WIDTH = 32


def suit_net(cfg: DictConfig) -> None:
    """Set the options of the default network by the size of the samples, and say so.

    Nothing is changed where the command, an experiment or a search names the network or any of its
    options, nor within a search.

    Args:
        cfg: with its shape.
    """
    if trial.in_trial() or not HydraConfig.initialized() or names_net(HydraConfig.get()):
        return
    spatial = list(cfg.shape.in_shape)[1:]
    options = options_for(spatial)
    if not options:
        return
    with open_dict(cfg):
        cfg.model.net.merge_with(options)
    if is_first():
        said = ", ".join(f"{name}={value}" for name, value in options.items() if name != "stem")
        stem = f", stem={options['stem']}" if "stem" in options else ""
        say(
            f"default network for samples of {shape_text(spatial)}: {said}{stem}".replace("'", "")
            + "; another one by model/net=..."
        )


def names_net(hydra: HydraConf) -> bool:
    """Return whether a command line names its network, or something that may."""
    given = (str(text).lstrip("+~") for text in hydra.overrides.task)
    return (
        hydra.runtime.choices.get("model/net") != "auto"
        or hydra.job.config_name != "config"
        or any(text.startswith(("model.net", "experiment=", "sweeps=")) for text in given)
    )


def options_for(spatial: Sequence[int]) -> dict[str, Any]:
    """Return the options of a `ConvNet` for samples of this size that differ from `cnn_small`."""
    size = min(spatial)
    if len(spatial) == 1:
        return options_for_signals(size)
    if size <= 48:
        return {}
    reduction, stem = image_stem(size, WIDTH)
    options: dict[str, Any] = {"num_stages": image_stages(size / reduction), "num_blocks": 2}
    return options | ({"stem": stem} if stem else {})


def options_for_signals(length: int) -> dict[str, Any]:
    """Return the options for signals: those of `resnet_1d`, or of long ones a stem that strides."""
    if length <= SHORT_SIGNAL:
        return {}
    if length <= LONG_SIGNAL:
        return {
            "num_stages": 3,
            "num_blocks": 1,
            "width": [64, 128, 128],
            "kernel_size": [[8, 5, 3]] * 3,
            "block": "basic",
            "skip": "add",
            "downsample": "none",
        }
    return options_for_long_signals(length, WIDTH)


def options_for_long_signals(length: int, width: int) -> dict[str, Any]:
    """Return the options for signals of more than `LONG_SIGNAL` positions.

    Args:
        width: channels of the stem.
    """
    stem = {"width": width, "kernel_size": 9, "stride": 4}
    return {
        "num_stages": signal_stages(length / stem["stride"]),
        "num_blocks": 1,
        "kernel_size": 9,
        "width_growth": 1.5,
        "stem": stem,
    }


def image_stem(size: int, width: int) -> tuple[int, dict[str, Any]]:
    """Return by which factor a stem reduces images of this size, and its options: that of ResNet
    from `POOLS_FROM` positions on, without its pool from `STRIDES_FROM` on, and none below.

    Args:
        width: channels of the stem.
    """
    if size < STRIDES_FROM:
        return 1, {}
    strides = {"width": width, "stride": 2}
    if size < POOLS_FROM:
        return 2, strides
    return 4, strides | {"kernel_size": 7, "pool": "max", "pool_padding": 1}


def image_stages(size: float) -> int:
    """Return how many stages halve images to about `LAST` positions, 2 to 5."""
    return max(2, min(5, round(log2(size / LAST))))


def signal_stages(length: float) -> int:
    """Return how many stages halve signals to about `LAST_OF_SIGNAL` positions, 2 to 6."""
    return max(2, min(6, round(log2(length / LAST_OF_SIGNAL))))
