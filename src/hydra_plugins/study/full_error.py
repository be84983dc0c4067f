"""Whether the user asks for tracebacks of his own mistakes too, by Hydra's variable for it."""

import os

FULL_ERROR = "HYDRA_FULL_ERROR"


def wants_traceback() -> bool:
    """Return whether the variable says so."""
    return os.environ.get(FULL_ERROR) == "1"
