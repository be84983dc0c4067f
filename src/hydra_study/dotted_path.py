"""Import and call objects that the config names by dotted path: samplers, pruners, hooks."""

import importlib
from collections.abc import Mapping
from typing import Any

from hydra_study.errors import StudyError


def locate(path: str, option: str) -> Any:
    """Return the object at the dotted `path`, e.g. `convsweep.training.feasibility.check`.

    Raises:
        StudyError: There is no such object; the message names `option`, the key that holds `path`.
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
    """Call the `_target_` of `config` with its other keys, except those that are null.

    Raises:
        StudyError: There is no such target, or it does not accept these arguments.
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
