"""The best checkpoint of a study as an artifact of its W&B run."""

from typing import Any

from convsweep.review.report.trial_files import trial_checkpoint
from convsweep.review.study import Sweep
from hydra_study import attributes


def log_winner(run: Any, sweep: Sweep) -> None:
    """Log the best trial's best checkpoint as artifact `<study>-best` of type `model`, with its
    trial as an alias.

    Does nothing without a complete trial, or if the checkpoint is not on this machine.
    """
    import wandb

    best = sweep.best
    checkpoint = None if best is None else trial_checkpoint(sweep, best)
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
