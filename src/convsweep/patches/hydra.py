"""Patches of Hydra: faster help."""

from typing import Any

from convsweep.patches.patch import Patch, takes


def share_config_store() -> None:
    """Make a deep copy of Hydra's ConfigStore return the store itself, which returns copies of its
    contents anyway.
    """
    from hydra.core.config_store import ConfigStore

    store: Any = ConfigStore.instance()
    store.__deepcopy__ = lambda memo: store


PATCHES = (
    Patch(
        name="quick_help",
        what=(
            "Lets the copies that Hydra makes of its search path for `--help` share one store of"
            " configs"
        ),
        why="speed",
        reason=(
            "Hydra makes a copy for each of 145 groups, and with it copies all configs of all"
            " plugins: `--help` takes 1.7 s of CPU, with the patch 0.5 s"
        ),
        tested={"hydra-core": ">=1.3.8,<1.4"},
        check=lambda: takes("hydra.core.config_store:ConfigStore.load", "self", "config_path"),
        apply=share_config_store,
        without="`--help` takes a second more",
    ),
)
