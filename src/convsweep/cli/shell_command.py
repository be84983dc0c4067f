"""The commands that are offered to a person: through `uv run`, where the program was started by
it.
"""

import os
import shlex

STARTED_BY_UV_RUN = "UV_RUN_RECURSION_DEPTH"
# How `hydra.help.app_name` calls the program of this package; the name of another program is that
# of its script.
TRAIN = "convsweep train"


def shell_command(*arguments: str) -> str:
    """Return a call of convsweep as a person would type it into the shell from which the program
    was started.
    """
    return shlex.join([*_started_by(), "convsweep", *arguments])


def program_command(app_name: str, *arguments: str) -> str:
    """Return a call of the Hydra program that a sweep was started by.

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
