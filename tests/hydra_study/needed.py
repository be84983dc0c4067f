"""Skips a test whose optional package is not installed."""

from contextlib import suppress
from importlib.util import find_spec

import pytest


def needs(module: str) -> None:
    """Skip the running test unless the module can be found."""
    with suppress(ModuleNotFoundError):
        if find_spec(module) is not None:
            return
    pytest.skip(f"{module} is not installed")
