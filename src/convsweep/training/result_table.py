"""The table printed at the end of a run: score, cost, time and paths."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from convsweep.cli.console import console, short_path
from convsweep.cli.next_commands import say_next_of_run
from convsweep.tracking.wandb.run import upload_command

# Test scores of the table; those of single classes come last, and are in result.json too.
MOST_SCORES = 12


def show_result(result: Mapping[str, Any], folder: Path) -> None:
    """Print a result of `Run.finish`; paths are printed below the table, unbroken so that they can
    be copied.
    """
    console.print(figures(result))
    for name, place in places(result, folder).items():
        console.print(f"  {name}: {place}", soft_wrap=True, markup=False)
    if result["checkpoint"]:
        say_next_of_run(folder)


def figures(result: Mapping[str, Any]) -> Table:
    """Return the table of scores, cost and time."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    cost = result["cost"]
    for name, value in result["objectives"].items():
        table.add_row(
            f"best {name}",
            f"{value:,.0f}" if name in cost else f"{value:.4f}",
            f"epoch {result['best_epoch']}",
        )
    shown = dict(list(result["test"].items())[:MOST_SCORES])
    for name, value in shown.items():
        table.add_row(name, f"{value:.4f}", "")
    more = len(result["test"]) - len(shown)
    if more:
        table.add_row(f"{more} more test scores", "", "in result.json")
    table.add_row("parameters", f"{cost['params']:,}", "")
    if cost["macs"] is not None:
        table.add_row("MACs a sample", f"{cost['macs']:,}", "")
    early = " (stopped early)" if result["stopped_early"] else ""
    plural = "" if result["epochs"] == 1 else "s"
    table.add_row("time", f"{result['seconds']:.1f} s", f"{result['epochs']} epoch{plural}{early}")
    return table


def places(result: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the paths of the run's files, by what they are."""
    found = {}
    if result["checkpoint"]:
        found["best checkpoint"] = short_path(folder / result["checkpoint"])
    wandb = result["wandb"]
    if wandb:
        found["W&B"] = wandb["url"] or f"offline; to upload: {upload_command(folder, wandb)}"
    return found
