"""The best checkpoint of a study as an artifact of the study's run."""

import json
from pathlib import Path
from typing import Any

from convsweep.record import RESULT
from convsweep.report.sweep import Sweep
from hydra_plugins.study.search import attributes


def log_winner(run: Any, sweep: Sweep) -> None:
    """Log the best trial's best checkpoint as `<study>-best`, of the type `model`, named after its trial as well.

    A study without a complete trial, or whose winner's checkpoint is not here, has none.
    """
    import wandb

    best = sweep.best
    checkpoint = None if best is None else checkpoint_of(best.user_attrs.get(attributes.FOLDER))
    if best is None or checkpoint is None:
        return
    metadata = {
        "study": sweep.name,
        "trial": best.number,
        "run": best.user_attrs.get("wandb_id"),
        "folder": best.user_attrs.get(attributes.FOLDER),
        "overrides": best.user_attrs.get(attributes.OVERRIDES),
        **dict(zip(sweep.objectives, best.values, strict=True)),
    }
    artifact = wandb.Artifact(f"{sweep.name}-best", type="model", metadata=metadata)
    artifact.add_file(str(checkpoint))
    run.log_artifact(artifact, aliases=["best", f"trial-{best.number}"])


def checkpoint_of(folder: str | None) -> Path | None:
    """Return the best checkpoint of a run's folder."""
    if folder is None:
        return None
    try:
        name = json.loads((Path(folder) / RESULT).read_text())["checkpoint"]
    except (OSError, ValueError, KeyError):
        return None
    path = Path(folder) / str(name)
    return path if path.is_file() else None
