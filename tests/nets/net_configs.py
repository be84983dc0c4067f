"""Composes `model.net` as train.py would, for data of a stated shape."""

import copy
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, open_dict

from convsweep.cli.hydra_version import main_options
from convsweep.training.build import build_net

CONF = Path(__file__).parents[2] / "conf"


@lru_cache
def _composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(**main_options(), config_dir=str(CONF)):
        return compose("config", list(overrides))


def compose_net(
    net: str,
    in_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    overrides: Sequence[str] = (),
) -> DictConfig:
    """Return the whole config with the network `net` and the data's shape filled in."""
    cfg = copy.deepcopy(_composed(f"model/net={net}", *overrides))
    with open_dict(cfg):
        cfg.shape = {
            "in_shape": list(in_shape),
            "in_channels": in_shape[0],
            "num_classes": num_classes,
        }
    return cfg


def preset(
    net: str,
    in_shape: Sequence[int] = (3, 32, 32),
    num_classes: int = 10,
    overrides: Sequence[str] = (),
):
    """Return the network of a preset."""
    return build_net(compose_net(net, in_shape, num_classes, overrides))


def num_parameters(net) -> int:
    """Return how many numbers a network learns."""
    return sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
