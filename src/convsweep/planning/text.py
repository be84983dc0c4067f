"""The look and the plan in the terminal."""

from collections.abc import Iterable
from pathlib import Path

from convsweep.cli.console import console, short_path
from convsweep.cli.duration import duration_text
from convsweep.cli.energy import power_text
from convsweep.cli.next_commands import says_next
from convsweep.cli.shell_command import shell_command
from convsweep.cost import in_bytes
from convsweep.planning.decisions import shown
from convsweep.planning.folder import PLAN, SEARCH
from convsweep.planning.look.look import Look
from convsweep.planning.look.words import look_rows
from convsweep.planning.planned import Planned
from convsweep.planning.random_points import POINTS
from convsweep.planning.rules.pace import speed_text
from convsweep.planning.rules.pretrained import suggest_pretrained
from convsweep.planning.space import MACS_FACTOR


def show_look(look: Look) -> None:
    """Print what there is and what is wrong with it."""
    print_lines([*look_lines(look), ""])


def show(planned: Planned, folder: Path) -> None:
    """Print the decisions, what they take, and the next commands."""
    lines = [*decision_lines(planned), "", *cost_lines(planned), *notes(planned), ""]
    lines.append(written_line(folder))
    print_lines([*lines, *next_lines(folder, planned.plan.num_folds)] if says_next() else lines)


def print_lines(lines: Iterable[str]) -> None:
    """Print lines as they are, whatever their length."""
    for line in lines:
        console.print(line, soft_wrap=True, markup=False)


def written_line(folder: Path) -> str:
    """Return which files of a plan to read."""
    place = short_path(folder.absolute())
    return f"written: {place}/{PLAN}, {place}/{SEARCH}"


def look_lines(look: Look) -> list[str]:
    """Return what there is and what is wrong with it."""
    (_, data), *rows = look_rows(look)
    lines = [f"data: {data}", *(f"  {name}: {text}" for name, text in rows)]
    if not look.faults:
        return [*lines, "  faults: none found"]
    return [*lines, "  faults:", *(f"    {fault.text}" for fault in look.faults)]


def decision_lines(planned: Planned) -> list[str]:
    """Return the decisions with their reasons."""
    lines = ["plan:"]
    for each in planned.decisions:
        lines.append(f"  {each.key}={shown(each.value)}: {each.why}")
    return lines


def cost_lines(planned: Planned) -> list[str]:
    """Return what trainings and the search take."""
    plan = planned.plan
    disk = plan.num_trials * plan.checkpoint_bytes
    limit = (
        ""
        if plan.max_macs is None
        else f" (within {MACS_FACTOR:g} times the baseline's multiply-accumulates)"
    )
    power = "" if plan.watts is None else f" at {power_text(plan.watts)}"
    speed = f"{speed_text(plan.samples_per_second)}{power}"
    return [
        f"a training of the baseline: {plan.epochs} epochs, about"
        f" {duration_text(plan.seconds_per_training)} ({speed}); a step takes"
        f" {in_bytes(plan.memory)}",
        f"a search: about {plan.num_trials} trials begun, {plan.slots} at a time;"
        f" {plan.feasible:.0%} of {POINTS} random networks can be trained{limit}; disk about"
        f" {in_bytes(disk)}, memory about {in_bytes(plan.slots * plan.memory)} in all, besides the"
        " data",
    ]


def notes(planned: Planned) -> list[str]:
    """Return what makes scores doubtful apart from the faults, and what else is worth a try."""
    faults = {fault.text for fault in planned.look.faults}
    doubts = [text for text in planned.plan.warnings if text not in faults]
    suggestion = suggest_pretrained(planned.decisions, planned.look)
    return [f"note: {text}" for text in [*doubts, *([suggestion] if suggestion else [])]]


def next_lines(folder: Path, num_folds: int) -> list[str]:
    """Return the next commands.

    Args:
        num_folds: of the plan; 0: none.
    """
    place = short_path(folder.absolute())
    plan = ("--config-dir", place, "--config-name", "plan")
    commands = [
        shell_command("train", *plan),
        shell_command("train", "-m", *plan, "sweeps=search"),
    ]
    if num_folds:
        folds = ",".join(map(str, range(num_folds)))
        commands.append(f"{shell_command('train', '-m', *plan, f'data.fold={folds}')}  # all folds")
    first, *others = commands
    return [f"next: {first}", *(f"      {command}" for command in others)]
