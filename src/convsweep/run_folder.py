"""The run folder: config, result and checkpoints of a run."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from convsweep.errors import UserError

RESULT, CONFIG, METRICS, CHECKPOINTS, BEST, STABLE = (
    "result.json",
    "config.yaml",
    "metrics.csv",
    "checkpoints",
    "best.ckpt",
    "stable.ckpt",
)


def check_folder(folder: Path) -> None:
    """Check that a new run may use a folder. Files of a run without a checkpoint may be
    overwritten.

    Raises:
        UserError: it holds another run's checkpoints.
    """
    if any((folder / CHECKPOINTS).glob("*.ckpt")):
        raise UserError(
            f"a run folder must be empty, but {folder} holds a run; resume it by"
            f" resume={folder}, or choose another hydra.run.dir"
        )


def remove_unused(folder: Path) -> None:
    """Remove the folder of a start that ended by a mistake before anything was trained.

    Nothing is removed from a working folder, or from one that holds anything else.
    """
    own = (".hydra", "wandb", CHECKPOINTS, RESULT, CONFIG, "wandb.json")
    if Path.cwd().is_relative_to(folder.resolve()) or any((folder / CHECKPOINTS).glob("*.ckpt")):
        return
    # Hydra's log is named after the program
    if any(each.name not in own and each.suffix != ".log" for each in folder.glob("*")):
        return
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # not empty
        folder.parent.rmdir()  # of the day
        folder.parent.parent.rmdir()


def write_config(folder: Path, cfg: DictConfig) -> dict[str, Any]:
    """Write the resolved config and return it as plain containers."""
    resolved = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(resolved, dict)
    write_atomically(folder / CONFIG, OmegaConf.to_yaml(cfg, resolve=True))
    return {str(name): value for name, value in resolved.items()}


def write_result(folder: Path, result: Mapping[str, Any]) -> None:
    """Write `result.json`."""
    write_atomically(folder / RESULT, json.dumps(result, indent=2, default=float) + "\n")


def read_result(folder: Path) -> dict[str, Any]:
    """Return the content of `result.json`; empty while the run is in progress, or if it was
    killed.
    """
    try:
        content = json.loads((folder / RESULT).read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_atomically(path: Path, text: str) -> None:
    """Write a file atomically: a reader sees either the old or the new text."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


def last_checkpoint(folder: Path) -> Path | None:
    """Return the newest checkpoint to resume from, or None."""
    others = (BEST, STABLE)
    found = [path for path in (folder / CHECKPOINTS).glob("*.ckpt") if path.name not in others]
    return max(found, key=lambda path: path.stat().st_mtime, default=None)
