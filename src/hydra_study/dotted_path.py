"""Dotted paths to objects: samplers, pruners, checks and hooks named in the config."""

import importlib
from collections.abc import Mapping
from typing import Any

from hydra_study.errors import StudyError


def locate(path: str, option: str) -> Any:
    """Return the object at the dotted `path`, e.g. `convsweep.training.feasibility.check`.

    Raises:
        StudyError: Nothing is there; the message names the `option` that asked for it.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        message = (
            f"{option} must be the dotted path of an importable object, but got {path!r}: {error}"
        )
        raise StudyError(message) from error


def build(config: Mapping[str, Any], option: str) -> Any:
    """Call the `_target_` of `config` with the other keys; keys that are null keep the target's own
    default.

    Raises:
        StudyError: nothing is there, or it does not take these keys.
    """
    arguments = {
        key: (
            build(value, f"{option}.{key}")
            if isinstance(value, Mapping) and "_target_" in value
            else value
        )
        for key, value in config.items()
        if key != "_target_" and value is not None
    }
    try:
        return locate(config["_target_"], option)(**arguments)
    except (TypeError, ValueError, ImportError) as error:
        raise StudyError(f"{option} cannot be built from {dict(config)}: {error}") from error
