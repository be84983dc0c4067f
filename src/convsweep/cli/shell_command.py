"""Commands to show to the user, with `uv run` in front if the program was started by it."""

import os
import shlex

STARTED_BY_UV_RUN = "UV_RUN_RECURSION_DEPTH"
# `hydra.help.app_name` of this package's program; for other programs it is the name of the script.
TRAIN = "convsweep train"


def shell_command(*arguments: str) -> str:
    """Return a convsweep command that works in the shell from which the program was started."""
    return shlex.join([*_started_by(), "convsweep", *arguments])


def program_command(app_name: str, *arguments: str) -> str:
    """Return a command that calls the Hydra program by which a sweep was started.

    Args:
        app_name: its `hydra.help.app_name`: `convsweep train`, or the name of a script without its
            ending.
        arguments: its arguments.
    """
    if app_name == TRAIN:
        return shell_command("train", *arguments)
    return shlex.join([*(_started_by() or ["python"]), f"{app_name}.py", *arguments])


def _started_by() -> list[str]:
    return ["uv", "run"] if STARTED_BY_UV_RUN in os.environ else []
