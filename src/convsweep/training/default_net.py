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
# Positions of the last feature map of an image and a signal, about.
LAST, LAST_OF_SIGNAL = 4, 8


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
    options: dict[str, Any] = {"num_blocks": 2}
    reduced = 1
    if size >= STRIDES_FROM:
        reduced, options["stem"] = 2, {"width": 32, "stride": 2}
    if size >= POOLS_FROM:
        reduced = 4
        options["stem"] |= {"kernel_size": 7, "pool": "max", "pool_padding": 1}
    return {"num_stages": stages_between(size / reduced, LAST, 5), **options}


def options_for_signals(length: int) -> dict[str, Any]:
    """Return the options for signals: those of `resnet_1d` up to 1,024 positions, a stem that
    strides beyond.
    """
    if length <= STRIDES_FROM:
        return {}
    if length <= 1024:
        return {
            "num_stages": 3,
            "num_blocks": 1,
            "width": [64, 128, 128],
            "kernel_size": [[8, 5, 3]] * 3,
            "block": "basic",
            "skip": "add",
            "downsample": "none",
        }
    return {
        "num_stages": stages_between(length / 4, LAST_OF_SIGNAL, 6),
        "num_blocks": 1,
        "kernel_size": 9,
        "width_growth": 1.5,
        "stem": {"width": 32, "kernel_size": 9, "stride": 4},
    }


def stages_between(size: float, last: int, most: int) -> int:
    """Return how many halvings lead from a size to about `last`, 2 at least."""
    return max(2, min(most, round(log2(size / last))))
