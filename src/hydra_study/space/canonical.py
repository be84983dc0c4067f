"""The canonical form of a config, by which duplicate trials are found."""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException


def canonical_hash(
    config: DictConfig,
    ignore: Iterable[str],
    form: Callable[[DictConfig], Any] | None,
    varied: Iterable[str] = (),
) -> str:
    """Return the hash of a task's config.

    Args:
        config: The composed config without `hydra`.
        ignore: Dotted keys that do not change the job, such as `seed`.
        form: `hydra.sweeper.canonical`: returns the relevant part of a config; None for all of it.
        varied: Overrides of searched keys, which count even if `ignore` names them.
    """
    ignore = list(ignore)
    tree = plain(config) if form is None else form(config)
    if isinstance(tree, dict):
        for key in ignore:
            _drop(tree, key.split("."))
    kept = sorted(text for text in varied if is_within(key_of(text), ignore))
    text = json.dumps([tree, kept] if kept else tree, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def key_of(override: str) -> str:
    """Return the dotted key that an override sets."""
    return override.partition("=")[0].lstrip("+~").partition("@")[0].replace("/", ".")


def is_within(key: str, keys: Iterable[str]) -> bool:
    """Return whether a dotted key is one of `keys` or lies below one."""
    return any(key == one or key.startswith(f"{one}.") for one in keys)


def plain(node: Any) -> Any:
    """Return a config as dicts, lists and values, with interpolations that cannot be resolved left
    as text.
    """
    if isinstance(node, DictConfig):
        return {str(key): _child(node, key) for key in node}
    if isinstance(node, ListConfig):
        return [_child(node, index) for index in range(len(node))]
    if isinstance(node, float) and node.is_integer():
        return int(node)
    return node


def _child(parent: DictConfig | ListConfig, key: Any) -> Any:
    if OmegaConf.is_missing(parent, key):
        return "???"
    try:
        return plain(parent[key])
    except (OmegaConfBaseException, ValueError, KeyError):
        written: Any = OmegaConf.to_container(parent, resolve=False)
        return str(written[key])


def _drop(tree: dict[str, Any], path: list[str]) -> None:
    for part in path[:-1]:
        tree = tree.get(part, {})
        if not isinstance(tree, dict):
            return
    tree.pop(path[-1], None)
