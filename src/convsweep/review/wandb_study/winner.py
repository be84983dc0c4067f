"""The best checkpoint of a study as an artifact of the study's run."""

from typing import Any

from convsweep.review.report.trial_files import trial_checkpoint
from convsweep.review.study import Sweep
from hydra_study import attributes


def log_winner(run: Any, sweep: Sweep) -> None:
    """Log the best trial's best checkpoint as `<study>-best`, of the type `model`, named after its
    trial as well.

    A study without a complete trial, or whose winner's checkpoint is not here, has none.
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
