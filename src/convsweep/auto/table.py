"""The table of a dry run: stages, times, commands, feasible points, disk."""

import math

from rich.table import Table

from convsweep.auto.commands import baseline, check_baseline, confirm, search
from convsweep.auto.context import ENDING_S, StageContext
from convsweep.auto.files import SPACE
from convsweep.auto.process import Execute
from convsweep.auto.request import DRY_RUN
from convsweep.auto.shares import Shares
from convsweep.auto.stages import STAGES, AutoStage
from convsweep.cli.console import console, say
from convsweep.cli.duration import duration_text
from convsweep.cli.shell_command import shell_command


def print_stages(context: StageContext) -> None:
    """Print the stages with the time that each may take.

    Raises:
        UserError: the budget does not hold the baseline.
    """
    check_baseline(context)
    shares = context.shares()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name, justify in (("stage", "left"), ("what", "left"), ("about", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    times = expected_times(context, shares)
    for stage in STAGES:
        table.add_row(stage.name, purpose_of(stage, shares), times.get(stage.name, ""))
    say("")
    console.print(table)
    if context.request.seconds is not None:
        spent = duration_text(context.state.seconds)
        say(f"budget {duration_text(context.request.seconds)}, spent {spent}")
    for text in shares.left_out:
        say(f"does not fit: {text}")


def purpose_of(stage: AutoStage, shares: Shares) -> str:
    """Return what a stage does, with the numbers that are known."""
    if stage.name == "finalists" and shares.chosen is not None:
        return f"the best {shares.chosen}, and the baseline"
    return stage.purpose


def expected_times(context: StageContext, shares: Shares) -> dict[str, str]:
    """Return how long each stage takes, in words."""
    costs = context.costs()
    finals = costs.of_finals(shares.chosen or context.choices[0])
    each = {
        "plan": context.seconds_of("plan"),
        "baseline": costs.start + costs.training,
        # a stage without a limit takes as long as its work does
        "finalists": finals if math.isinf(shares.finals) else shares.finals,
        "winner": costs.of_winner if math.isinf(shares.winner) else shares.winner,
        "test": costs.start,
        "export": costs.start + ENDING_S / 2,
        "report": costs.start + ENDING_S / 2,
    }
    words = {name: duration_text(value) if value else "left out" for name, value in each.items()}
    if math.isinf(shares.search):
        return {SPACE: f"{context.n_trials()} trials", **words}
    return {SPACE: duration_text(shares.search) if shares.search else "left out", **words}


def dry_run(context: StageContext, execute: Execute) -> int:
    """Print the commands and what the search takes; nothing is trained. Return the exit code."""
    shares = context.shares()
    commands = [baseline(context)]
    if shares.chosen is not None:
        commands += [search(context), confirm(context, shares.chosen, shares.finals)]
    say("\ncommands, with shares that are computed again as times are measured:")
    for command in commands:
        say(f"  {shell_command(*command)}")
    say("  then, of the chosen network: train on all data, evaluate, export, report")
    if shares.chosen is None:
        say("nothing was trained beyond the plan's measurement; leave out --dry-run to begin")
        return 0
    say("\nthe search:")
    return execute([*search(context), DRY_RUN], context.folder, lambda pid: None, lambda: None)
