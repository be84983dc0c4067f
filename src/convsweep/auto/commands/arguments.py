"""The arguments that the commands of several stages have in common."""

from pathlib import Path

from convsweep.auto.context import StageContext
from hydra_study import override_text

# Kept free of the finalists' time, since two of three planned seeds would be in vain, and of the
# last training's, which is of another length than those that were measured.
SPARE = 0.05


class LeftOutError(Exception):
    """A stage is left out; the message says why."""


def preset(folder: Path, name: str) -> list[str]:
    """Return the command that trains a preset."""
    return ["train", "--config-dir", str(folder), "--config-name", name]


def place(folder: Path) -> list[str]:
    """Return the overrides that train in a folder, from its last checkpoint if there is one."""
    return [f"hydra.run.dir={path_text(folder)}", "ckpt_path=last"]


def path_text(path: Path) -> str:
    """Return a path as a value of an override; `train` puts it in quotes itself where only a plain
    character needs them.
    """
    text = str(path)
    return override_text(text) if set(text) & set(",'\"()[]{}") else text


def networks(context: StageContext) -> list[str]:
    """Return the runs that are the result."""
    return [str(folder) for folder in context.files.networks]


def out(folder: Path) -> list[str]:
    """Return the options that write into a folder which an interrupted start may have made."""
    return ["--out", str(folder), "--overwrite"]
