"""Composes the config of a trial from one that was composed before, where they differ in values only.

Hydra composes from its files anew for every config, which takes a tenth of a second. A trial chooses the same groups as every
other one of most searches, so a copy of a config with those choices and the trial's values is the same config.
"""

import copy

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf


class Prepared:
    """A config that was composed of choices of groups alone.

    Args:
        loader: Composes from files.
        master: The config of the sweep's command line.
        overrides: Overrides of some trial; those of them that choose a group are kept.
    """

    def __init__(self, loader: ConfigLoader, master: DictConfig, overrides: list[str]) -> None:
        self._loader = loader
        self._master = master
        self._is_group: dict[str, bool] = {}
        self._chosen = self._choices(parsed(overrides))
        self._prepared = self._from_files(self._chosen)

    def composed(self, overrides: list[str]) -> DictConfig:
        """Return the config of these overrides: a copy with their values if they choose the same groups, else from the files."""
        given = parsed(overrides)
        if self._choices(given) != self._chosen:
            return self._from_files(overrides)
        config = copy.deepcopy(self._prepared)
        ConfigLoaderImpl._apply_overrides_to_config([override for override in given if self._is_value(override)], config)
        mine = [override for override in given if not override.is_hydra_override()]
        config.hydra.overrides.task = [override.input_line for override in mine]
        keep_dirname(config, mine)
        OmegaConf.copy_cache(from_config=self._master, to_config=config)
        return config

    def _from_files(self, overrides: list[str]) -> DictConfig:
        return self._loader.load_sweep_config(self._master, overrides)

    def _choices(self, overrides: list[Override]) -> list[str]:
        """Return the overrides that may choose a group, as text."""
        return [str(override.input_line) for override in overrides if not self._is_value(override)]

    def _is_value(self, override: Override) -> bool:
        """Return whether an override can only be that of a value of the application: its key is no group."""
        key = override.key_or_group
        if "/" in key or override.package is not None or override.is_hydra_override():
            return False
        return "." in key or not self._names_group(key)

    def _names_group(self, key: str) -> bool:
        if key not in self._is_group:
            self._is_group[key] = bool(self._loader.get_group_options(key))
        return self._is_group[key]


def keep_dirname(config: DictConfig, overrides: list[Override]) -> None:
    """Keep the overrides in one word in a config, as Hydra 1.3 does; from 1.4 on they are asked for when they are needed."""
    if hydra.__version__.startswith("1.3"):
        from hydra._internal.config_loader_impl import get_overrides_dirname

        config.hydra.job.override_dirname = get_overrides_dirname(overrides, **config.hydra.job.config.override_dirname)


def parsed(overrides: list[str]) -> list[Override]:
    """Return overrides as Hydra reads them."""
    return OverridesParser.create().parse_overrides(overrides)
