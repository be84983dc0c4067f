"""The sweeper's own error, which Hydra prints without a traceback unless the user asks for one."""

import os

from hydra.errors import CompactHydraException


class StudyError(CompactHydraException, ValueError):
    """A mistake in the sweep's options, or a reason why the sweep had to stop; `str(error)` is the
    whole message.
    """


def how_to_install(extra: str) -> str:
    """Return the words that tell how to install what an extra brings."""
    return f"run: pip install 'hydra-study-sweeper[{extra}]'"


# Hydra's variable by which the user asks for tracebacks of his own mistakes too.
FULL_ERROR = "HYDRA_FULL_ERROR"


def wants_traceback() -> bool:
    """Return whether the user asks for tracebacks of his own mistakes."""
    return os.environ.get(FULL_ERROR) == "1"
