"""The short table at the end of a run: score, cost, time, and where everything lies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from convsweep.console import console


def show_result(result: Mapping[str, Any], folder: Path) -> None:
    """Print the table of a result as `Run.finish` writes it."""
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, value in result["objectives"].items():
        table.add_row(
            f"best {name}", f"{value:.4f}" if isinstance(value, float) else f"{value:,}", f"epoch {result['best_epoch']}"
        )
    for name, value in result["test"].items():
        table.add_row(name, f"{value:.4f}", "")
    cost = result["cost"]
    table.add_row("parameters", f"{cost['params']:,}", "")
    if cost["macs"] is not None:
        table.add_row("MACs a sample", f"{cost['macs']:,}", "")
    early = " (stopped early)" if result["stopped_early"] else ""
    table.add_row("time", f"{result['seconds']:.1f} s", f"{result['epochs']} epochs{early}")
    if result["checkpoint"]:
        table.add_row("best checkpoint", str(folder / result["checkpoint"]), "")
    wandb = result["wandb"]
    if wandb:
        where = wandb["url"] or f"offline; to upload: wandb sync {folder / wandb['dir']}"
        table.add_row("W&B", where, "")
    console.print(table)
