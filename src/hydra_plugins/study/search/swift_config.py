"""Lets OmegaConf work out once what it works out again for every trial, and write YAML in C; what it returns stays the same."""

import functools
from typing import Any

import omegaconf.base
import omegaconf.omegaconf
import yaml

_MOST = 4096
"""References that are remembered."""


def make_swift() -> None:
    """Do so in this process, as far as this release of OmegaConf allows it."""
    _remember_references()
    if yaml.__with_libyaml__:
        _write_in_c()


def _remember_references() -> None:
    """Parse `${...}` once for each text: the result is a tree that is only read."""
    parse: Any = getattr(omegaconf.base, "parse", None)
    if parse is not None and not hasattr(parse, "cache_info"):
        omegaconf.base.parse = functools.lru_cache(_MOST)(parse)  # type: ignore[attr-defined]


def _write_in_c() -> None:
    """Write by libyaml with OmegaConf's own words for strings."""
    own: Any = getattr(omegaconf.omegaconf, "get_omega_conf_dumper", None)
    if own is None or issubclass(own(), yaml.CDumper):
        return

    class Dumper(yaml.CDumper):
        yaml_representers = own().yaml_representers
        yaml_multi_representers = own().yaml_multi_representers

    omegaconf.omegaconf.get_omega_conf_dumper = lambda: Dumper  # type: ignore[attr-defined]
