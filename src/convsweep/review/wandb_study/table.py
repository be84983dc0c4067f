"""The table of a study's W&B run: trials with run, folder and checkpoint."""

from typing import Any

from convsweep.review.report.sections.trials_table import MOST, table
from convsweep.review.study import Sweep
from hydra_study import attributes

# Summary key of a run's best checkpoint.
CHECKPOINT = "best_checkpoint"


def trials_table(sweep: Sweep, run: Any) -> Any:
    """Return the trials as a W&B table; of many only the newest.

    Args:
        sweep: the study.
        run: the study's run, in the project of the trials' runs.
    """
    import wandb

    trials = list(sweep.trials)[-MOST:]
    listed = table(sweep, trials, outcome=True, in_markdown=0)
    places = [
        [
            _link(trial.user_attrs.get("wandb_id"), run),
            trial.user_attrs.get(attributes.FOLDER),
            trial.user_attrs.get(CHECKPOINT),
        ]
        for trial in trials
    ]
    rows = [[*row, *place] for row, place in zip(listed.rows, places, strict=True)]
    return wandb.Table(
        columns=[*_unlike(listed.header), "run", "folder", "checkpoint"],
        data=rows,
        allow_mixed_types=True,
    )


def _link(run_id: str | None, run: Any) -> str | None:
    """Return the address of a trial's run, or its id if it is offline."""
    if run_id is None or run.offline or not run.url:
        return run_id
    return f"{run.url.rpartition('/')[0]}/{run_id}"


def _unlike(header: Any) -> list[str]:
    """Return the columns' names, with a parameter in brackets if its name is taken."""
    names: list[str] = []
    for name in header:
        names.append(f"({name})" if name in names else str(name))
    return names
