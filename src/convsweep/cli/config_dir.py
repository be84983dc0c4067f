"""The option `--config-dir` of commands that parse their overrides themselves."""

from collections.abc import Sequence
from pathlib import Path

from convsweep.errors import UserError

OPTION, SHORT = "--config-dir", "-cd"


def take_config_dir(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """Return the folder of the user's own configs, None if none is given, and the other arguments.

    Raises:
        UserError: it is no folder.
    """
    folder, others, rest = None, list[str](), iter(arguments)
    for word in rest:
        if word in (OPTION, SHORT):
            folder = next(rest, "")
        elif word.startswith(f"{OPTION}="):
            folder = word.partition("=")[2]
        else:
            others.append(word)
    if folder is not None and (not folder or not Path(folder).expanduser().is_dir()):
        raise UserError(f"{OPTION} must be a folder of configs, but is {folder!r}")
    return folder, others
