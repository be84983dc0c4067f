"""Tables of the best and of all trials."""

from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from convsweep.review.report.rendering.blocks import Block, Cell, Fold, Table
from convsweep.review.report.rendering.palette import in_words
from convsweep.review.study import Sweep, seconds_of
from hydra_study import attributes, kind_of

# Rows of the short table.
BEST = 20
COSTS = {"parameters": "params", "MACs": "macs"}
# Rows of the table of all trials, so that the page stays small.
MOST = 5000


def best_blocks(sweep: Sweep) -> list[Block]:
    """Return the best complete trials."""
    chosen = sweep.ranked[:BEST]
    return [table(sweep, chosen, in_markdown=10)] if chosen else []


def all_blocks(sweep: Sweep) -> list[Block]:
    """Return all trials with their outcome; of many only the newest."""
    chosen = list(sweep.trials)[-MOST:]
    title = (
        f"All {len(sweep.trials):,} trials"
        if len(chosen) == len(sweep.trials)
        else f"The last {MOST:,} of {len(sweep.trials):,} trials"
    )
    return [Fold(title, [table(sweep, chosen, outcome=True, in_markdown=40)])]


def table(
    sweep: Sweep, trials: Sequence[FrozenTrial], in_markdown: int, outcome: bool = False
) -> Table:
    """Return trials as rows: number, objectives, cost, parameters."""
    names = [
        name for name in sweep.searched_params if any(name in trial.params for trial in trials)
    ]
    header = [
        "trial",
        *(["outcome"] if outcome else []),
        *sweep.objectives,
        *(title for title, key in COSTS.items() if key not in sweep.objectives),
        "seconds",
    ]
    header += [sweep.labels[name] for name in names] + (["reason"] if outcome else [])
    rows: list[list[Cell]] = []
    for trial in trials:
        # Optuna sets the value of a pruned trial to its last report
        is_complete = trial.state == TrialState.COMPLETE
        values: Sequence[float | None] = (
            trial.values if is_complete else [None] * len(sweep.objectives)
        )
        seconds = seconds_of(trial)
        costs: list[Cell] = [
            trial.user_attrs.get(key) for key in COSTS.values() if key not in sweep.objectives
        ]
        costs.append(None if seconds is None else round(seconds, 1))
        row: list[Cell] = [
            trial.number,
            *([in_words(kind_of(trial))] if outcome else []),
            *values,
            *costs,
        ]
        row += [trial.params.get(name) for name in names]
        rows.append(row + ([reason_of(trial)] if outcome else []))
    return Table(header, rows, in_markdown=in_markdown)


def reason_of(trial: FrozenTrial) -> str | None:
    """Return why a trial is not complete; for a paused one, where it waits."""
    if kind_of(trial) == "paused":
        return f"paused after step {trial.user_attrs[attributes.PAUSED_AT]}"
    reason: str | None = trial.user_attrs.get(attributes.REASON)
    return reason
