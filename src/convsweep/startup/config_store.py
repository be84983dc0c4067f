"""Lets Hydra's copies of where configs come from share its one store of structured configs."""

from typing import Any

from hydra.core.config_store import ConfigStore


def share_config_store() -> None:
    """Let a deep copy of Hydra's store be the store itself, which hands out copies of what is in it.

    Hydra copies its search path for every question about a group of options: 140 times for `--help`.
    """

    def itself(store: ConfigStore, memo: dict[int, Any]) -> ConfigStore:
        return store

    ConfigStore.__deepcopy__ = itself  # type: ignore[attr-defined]
