"""The W&B options of a sweep, read without slow imports."""

from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from hydra_study import SweepPaths


def wandb_options(folder: Path) -> dict[str, Any] | None:
    """Return the options of the sweep's W&B logger, or None if it has another one."""
    path = SweepPaths(folder).config
    logger = OmegaConf.select(OmegaConf.load(path), "logger") if path.is_file() else None
    if logger is None or not str(logger.get("_target_", "")).endswith(".WandbLogger"):
        return None
    options = OmegaConf.to_container(logger, resolve=True)
    assert isinstance(options, dict)
    return {str(name): value for name, value in options.items()}
