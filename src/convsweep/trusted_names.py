"""What a file that is merely read may name: classes of networks and of data sets, never anything
else that can be called.

A checkpoint may come from a stranger. Its card says how its network is built, in the form of a
config, and whatever a config names by `_target_` is called with the options beside it. On a user's
own command line that is the point.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from hydra.utils import get_object
from torch import nn

from convsweep.errors import UserError

# The only functions that a file may name: they return networks, from the options that `_FETCHING`
# leaves them.
MAKERS = (
    "convsweep.nets.third_party.torchvision_net",
    "timm.create_model",
    "segmentation_models_pytorch.create_model",
)

# Environment variable: further functions that files may name, separated by commas.
TRUST = "CONVSWEEP_TRUST"

# Options by which networks download weights, or read them from files, and their value for doing
# neither.
_FETCHING = {
    "weights": None,
    "weights_backbone": None,
    "pretrained": False,
    "encoder_weights": None,
}

# Options of timm that read files, pickles among them.
_READING = ("checkpoint_path", "pretrained_cfg", "pretrained_cfg_overlay", "cache_dir")

# How timm's names begin that are addresses.
_ELSEWHERE = ("hf-hub:", "hf_hub:", "local-dir:")


def hold(config: Mapping[str, Any], base: type, part: str) -> dict[str, Any]:
    """Return a config out of a file that is safe to instantiate.

    Args:
        config: In plain types; the weights that it asks for are left out, since they are in the
            checkpoint.
        base: What the class that it names must be a subclass of; a function that returns networks
            will do for `nn.Module`.
        part: What the config describes, for the message.

    Raises:
        UserError: it names something else, there or inside, or holds an interpolation.
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
    """Check what a file names.

    Raises:
        UserError: it is no class of that base.
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
    if target.partition(".")[0] in sys.stdlib_module_names:  # before it is imported
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
    """Whether it is one of the functions by which torchvision makes its networks."""
    if base is not nn.Module or not getattr(found, "__module__", "").startswith(
        "torchvision.models."
    ):
        return False
    from torchvision import models

    name = getattr(found, "__name__", "")
    return name in models.list_models() and models.get_model_builder(name) is found


def _targets(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Yield all that a config names, by the place where it stands."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield place, value["_target_"]
        for key, inner in value.items():
            yield from _targets(inner, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _targets(inner, f"{place}[{index}]")


def _check_values(value: Any, part: str) -> None:
    """Raise UserError where a config holds an interpolation, or the address of a network that is
    not this file's.
    """
    if isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            _check_values(inner, part)
    elif isinstance(value, str) and ("${" in value or value.lower().startswith(_ELSEWHERE)):
        raise UserError(
            f"{part}: a file may hold plain values alone, but holds {value!r}; use a file that you"
            " trust"
        )


def _without_fetching(value: Any) -> Any:
    """Return a config without what downloads weights or reads them from elsewhere."""
    if isinstance(value, Mapping):
        kept = {
            key: _without_fetching(inner) for key, inner in value.items() if key not in _READING
        }
        return kept | {key: off for key, off in _FETCHING.items() if key in kept}
    return (
        [_without_fetching(inner) for inner in value] if isinstance(value, list | tuple) else value
    )
