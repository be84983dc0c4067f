"""Restriction of the targets that configs in checkpoints may name: classes of networks and data
sets only.

A checkpoint may come from an untrusted source. Its metadata holds the network's config, and any
`_target_` of a config is called with its options. Configs of the user's own command line are not
restricted.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from hydra.utils import get_object
from torch import nn

from convsweep.errors import UserError

# The only functions that a file may name; they return networks, with the options of `_FETCHING`
# removed.
MAKERS = (
    "convsweep.nets.third_party.torchvision_net",
    "timm.create_model",
    "segmentation_models_pytorch.create_model",
)

# Environment variable with further functions that files may name, separated by commas.
TRUST = "CONVSWEEP_TRUST"

# Options that make networks download weights or read files, and their value for neither.
_FETCHING = {
    "weights": None,
    "weights_backbone": None,
    "pretrained": False,
    "encoder_weights": None,
}

# Options of timm that read files, including pickles.
_READING = ("checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir")

# Prefixes of timm's names that are addresses.
_ELSEWHERE = ("hf-hub:", "hf_hub:", "local-dir:")


def hold(config: Mapping[str, Any], base: type, part: str) -> dict[str, Any]:
    """Return a config from a file, made safe to instantiate.

    Args:
        config: in plain types; requests for pretrained weights are removed, since the checkpoint
            has them.
        base: required base class of the target; for `nn.Module` also a function that returns
            networks.
        part: name of the part of the config, for the message.

    Raises:
        UserError: it or a nested config names something else, or there is an interpolation.
    """
    targets = dict(_targets(config, ""))
    if "" not in targets:
        raise UserError(
            f"{part} must name a class by _target_, but names none; the file may be broken"
        )
    for place, target in targets.items():
        check_target(target, base if place == "" else nn.Module, f"{part}{place}")
    _check_values(config, part)
    return dict(_without_fetching(config) if issubclass(base, nn.Module) else config)


def check_target(target: Any, base: type, place: str) -> None:
    """Check a target that a file names.

    Raises:
        UserError: it is not a subclass of `base`.
    """
    rule = f"{place}: a file may name subclasses of {base.__name__} alone, but names {target!r}"
    remedy = (
        "use a file that you trust, and make a class of a function that returns networks of"
        " your own"
    )
    trusted = [name.strip() for name in os.environ.get(TRUST, "").split(",") if name.strip()]
    if base is nn.Module and target in (*MAKERS, *trusted):
        return
    if not isinstance(target, str) or not all(name.isidentifier() for name in target.split(".")):
        raise UserError(f"{rule}; {remedy}")
    if target.partition(".")[0] in sys.stdlib_module_names:  # checked before it is imported
        raise UserError(f"{rule}; {remedy}")
    try:
        found = get_object(target)
    except (ImportError, AttributeError, ValueError) as error:
        rule = f"{place} names {target}, which cannot be imported ({error})"
        raise UserError(
            f"{rule}; start in the folder that holds it, or install what it is part of"
        ) from error
    if not (isinstance(found, type) and issubclass(found, base)) and not _is_of_torchvision(
        found, base
    ):
        raise UserError(
            f"{rule}; {remedy} (or name it in {TRUST})"
            if base is nn.Module
            else f"{rule}; {remedy}"
        )


def _is_of_torchvision(found: Any, base: type) -> bool:
    """Return whether it is one of torchvision's functions that return networks."""
    if base is not nn.Module or not getattr(found, "__module__", "").startswith(
        "torchvision.models."
    ):
        return False
    from torchvision import models

    name = getattr(found, "__name__", "")
    return name in models.list_models() and models.get_model_builder(name) is found


def _targets(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield all targets of a config with their places."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield place, value["_target_"]
        for key, inner in value.items():
            yield from _targets(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _targets(inner, f"{place}[{index}]")


def _check_values(value: Any, part: str) -> None:
    """Raise UserError if a config holds an interpolation, or the address of another network."""
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _check_values(inner, part)
    elif isinstance(value, str) and ("${" in value or value.lower().startswith(_ELSEWHERE)):
        raise UserError(
            f"{part}: a file may hold plain values alone, but holds {value!r}; use a file that you"
            " trust"
        )


def _without_fetching(value: Any) -> Any:
    """Return a config without options that download weights or read other files."""
    if isinstance(value, Mapping):
        kept = {
            key: _without_fetching(inner) for key, inner in value.items() if key not in _READING
        }
        return kept | {key: off for key, off in _FETCHING.items() if key in kept}
    return (
        [_without_fetching(inner) for inner in value] if isinstance(value, list | tuple) else value
    )
