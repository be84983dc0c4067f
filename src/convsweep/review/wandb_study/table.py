"""The live table of a study's run: all trials, and where the run, folder and checkpoint of each of
them are.
"""

from typing import Any

from convsweep.review.report.sections.trials_table import MOST, table
from convsweep.review.study import Sweep
from hydra_study import attributes

# Where a run notes its best checkpoint.
CHECKPOINT = "best_checkpoint"


def trials_table(sweep: Sweep, run: Any) -> Any:
    """Return the trials as W&B's table; of very many the newest.

    Args:
        sweep: The study.
        run: The study's own run, in whose project the trials' runs are.
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
    """Return the address of a trial's run; offline, where it has none yet, its id."""
    if run_id is None or run.offline or not run.url:
        return run_id
    return f"{run.url.rpartition('/')[0]}/{run_id}"


def _unlike(header: Any) -> list[str]:
    """Return the columns' names, a parameter that is named like a column before it in brackets."""
    names: list[str] = []
    for name in header:
        names.append(f"({name})" if name in names else str(name))
    return names
