"""Lets OmegaConf work out once what it works out again for every trial, copy in fewer steps and write YAML in C.

What it returns stays the same.
"""

import copy
import functools
from collections import defaultdict
from typing import Any

import omegaconf.base
import omegaconf.omegaconf
import yaml
from omegaconf import DictConfig, ListConfig, ValueNode

_MOST = 4096
"""References that are remembered."""

_NOTES = {"flags", "resolver_cache"}
"""What of a node's metadata is not types and words alone, which copies share."""


def make_swift() -> None:
    """Do so in this process, as far as this release of OmegaConf allows it."""
    _remember_references()
    if set(getattr(omegaconf.base.Metadata, "__dataclass_fields__", ())) >= _NOTES:
        DictConfig.__deepcopy__ = ListConfig.__deepcopy__ = _copied  # type: ignore[assignment, method-assign]
    if yaml.__with_libyaml__:
        _write_in_c()


def _remember_references() -> None:
    """Parse `${...}` once for each text: the result is a tree that is only read."""
    parse: Any = getattr(omegaconf.base, "parse", None)
    if parse is not None and not hasattr(parse, "cache_info"):
        omegaconf.base.parse = functools.lru_cache(_MOST)(parse)  # type: ignore[attr-defined]


def _copied(config: DictConfig | ListConfig, memo: dict[int, Any]) -> Any:
    """Return a deep copy of a config, which keeps its parent."""
    same = _copied_node(config)
    content = vars(config)["_content"]
    if isinstance(content, dict):
        vars(same)["_content"] = {key: _copied_child(child, same, memo) for key, child in content.items()}
    elif isinstance(content, list):
        vars(same)["_content"] = [_copied_child(child, same, memo) for child in content]
    return same


def _copied_child(node: Any, parent: Any, memo: dict[int, Any]) -> Any:
    same = _copied_node(node) if isinstance(node, ValueNode) and id(node) not in memo else copy.deepcopy(node, memo)
    vars(same)["_parent"] = parent
    return same


def _copied_node(node: Any) -> Any:
    """Return a copy of a node with notes of its own; a value is never copied."""
    same, notes = object.__new__(type(node)), vars(node)["_metadata"]
    own = object.__new__(type(notes))
    vars(own).update(vars(notes), flags=copy.copy(notes.flags))
    own.resolver_cache = copy.deepcopy(notes.resolver_cache) if notes.resolver_cache else defaultdict(dict)
    vars(same).update(vars(node), _metadata=own, _flags_cache=None)
    return same


def _write_in_c() -> None:
    """Write by libyaml with OmegaConf's own words for strings."""
    own: Any = getattr(omegaconf.omegaconf, "get_omega_conf_dumper", None)
    if own is None or issubclass(own(), yaml.CDumper):
        return

    class Dumper(yaml.CDumper):
        yaml_representers = own().yaml_representers
        yaml_multi_representers = own().yaml_multi_representers

    omegaconf.omegaconf.get_omega_conf_dumper = lambda: Dumper  # type: ignore[attr-defined]
