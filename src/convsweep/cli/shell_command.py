"""The calls of Python that are offered to a person: through `uv run`, where the program was started by it."""

import os
import shlex

STARTED_BY_UV_RUN = "UV_RUN_RECURSION_DEPTH"


def python_command(*arguments: str) -> str:
    """Return a call of Python as a person would type it into the shell from which the program was started."""
    if STARTED_BY_UV_RUN not in os.environ:
        return shlex.join(["python", *arguments])
    return shlex.join(["uv", "run", *arguments] if arguments[0].endswith(".py") else ["uv", "run", "python", *arguments])
