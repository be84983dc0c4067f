"""The sweeper's error, which Hydra prints without a traceback unless HYDRA_FULL_ERROR=1."""

import os

from hydra.errors import CompactHydraException


class StudyError(CompactHydraException, ValueError):
    """A mistake in the sweep's options, or the reason why the sweep stopped."""


def how_to_install(extra: str) -> str:
    """Return the remedy for a missing package that an extra installs."""
    return f"run: pip install 'hydra-study-sweeper[{extra}]'"


# Hydra's environment variable for full tracebacks.
FULL_ERROR = "HYDRA_FULL_ERROR"


def wants_traceback() -> bool:
    """Return whether the user wants tracebacks also for mistakes in the command or config."""
    return os.environ.get(FULL_ERROR) == "1"
