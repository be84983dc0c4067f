"""A data set is read once for all trials of a process: what one of them has read is kept for the next one."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf

from convsweep.data.options import FEEDING

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

DIVIDES = frozenset({"val_fraction", "test_fraction", "max_train", "split_seed"})
"""What a data set takes beside its own arguments that changes the parts; the rest changes how they are fed."""

_kept: tuple[str, dict[str, Any]] | None = None


def keep(config: Mapping[str, Any], data: "DataModule") -> None:
    """Keep what a data set has read, with its statistics, and forget what was kept before.

    Args:
        config: the data set's, of the group `data`.
        data: has read its parts.
    """
    global _kept
    _kept = described(config), {**data.was_read, "facts": data.facts, "statistics": data.statistics}


def take(config: Mapping[str, Any], data: "DataModule") -> None:
    """Let a data set have what was kept of the same one, and forget what was kept of another, whose memory is needed now."""
    global _kept
    if _kept is None:
        return
    if _kept[0] == described(config):
        vars(data).update(_kept[1], was_read=_kept[1])
    else:
        _kept = None


def described(config: Mapping[str, Any]) -> str:
    """Return all of a data set's config that changes what is read, or how it is divided, as text."""
    plain = OmegaConf.to_container(config, resolve=True) if isinstance(config, DictConfig) else config
    assert isinstance(plain, Mapping)
    read = {name: value for name, value in plain.items() if name not in FEEDING or name in DIVIDES}
    return json.dumps(read, sort_keys=True, default=repr)
