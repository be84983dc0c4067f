"""The table of a dry run: stages, times, commands, feasible points, disk."""

import math

from rich.table import Table

from convsweep.auto.commands.beginning import baseline, check_baseline
from convsweep.auto.commands.finalists import confirm
from convsweep.auto.commands.search import search
from convsweep.auto.context import ENDING_S, StageContext
from convsweep.auto.files import SPACE
from convsweep.auto.process import Execute
from convsweep.auto.request import DRY_RUN
from convsweep.auto.shares import Shares
from convsweep.auto.stages import STAGES, AutoStage
from convsweep.cli.console import console, say
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import energy_text, power_text
from convsweep.cli.shell_command import shell_command


def print_stages(context: StageContext) -> None:
    """Print the stages with the time that each may take.

    Raises:
        UserError: the budget does not hold the baseline.
    """
    check_baseline(context)
    shares = context.shares()
    table = Table(box=None, padding=(0, 2, 0, 0))
    columns = [("stage", "left"), ("what", "left"), ("about", "right")]
    if context.watts is not None:
        columns.append(("energy", "right"))
    for name, justify in columns:
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    times = expected_times(context, shares)
    for stage in STAGES:
        cells = time_cells(times.get(stage.name), context)
        table.add_row(stage.name, purpose_of(stage, shares), *cells[: len(columns) - 2])
    say("")
    console.print(table)
    for line in limit_lines(context):
        say(line)
    for text in shares.left_out:
        say(f"does not fit: {text}")


def purpose_of(stage: AutoStage, shares: Shares) -> str:
    """Return what a stage does, with the numbers that are known."""
    if stage.name == "finalists" and shares.chosen is not None:
        return f"the best {shares.chosen}, and the baseline"
    return stage.purpose


def limit_lines(context: StageContext) -> list[str]:
    """Return the limits of time and energy, and how much of them is spent."""
    asked, state, lines = context.request, context.state, []
    if asked.seconds is not None:
        spent = duration_text(state.seconds)
        lines.append(f"budget {duration_text(asked.seconds)}, spent {spent}")
    if asked.joules is not None and context.watts is not None:
        lasts = duration_text((asked.joules - state.joules) / context.watts)
        lines.append(
            f"energy {energy_text(asked.joules)}, spent {energy_text(state.joules)}; the rest lasts"
            f" {lasts} at {power_text(context.watts)}"
        )
    return lines


def time_cells(seconds: float | None, context: StageContext) -> tuple[str, str]:
    """Return the time of a stage and the energy that it takes in this time, in words.

    Args:
        seconds: 0: the stage is left out; infinite: as many as its trials take; None: not known.
        context: the run.
    """
    if seconds is None:
        return "", ""
    if math.isinf(seconds):
        return f"{context.n_trials()} trials", ""
    if not seconds:
        return "left out", ""
    return duration_text(seconds), energy_text(seconds * (context.watts or 0.0))


def expected_times(context: StageContext, shares: Shares) -> dict[str, float]:
    """Return how many seconds each stage takes; 0 where it is left out, infinite for a search that
    only its trials limit.
    """
    costs = context.costs()
    finals = costs.of_finals(shares.chosen or context.choices[0])
    return {
        "plan": context.seconds_of("plan"),
        "baseline": costs.start + costs.training,
        SPACE: shares.search,
        # a stage without a limit takes as long as its work does
        "finalists": finals if math.isinf(shares.finals) else shares.finals,
        "winner": costs.of_winner if math.isinf(shares.winner) else shares.winner,
        "test": costs.start,
        "export": costs.start + ENDING_S / 2,
        "report": costs.start + ENDING_S / 2,
    }


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
