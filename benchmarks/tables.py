"""Writes benchmarks/README.md: a table a part, with the machine, the versions, the rounds and the
spread.
"""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measured import Kept, middle

HEAD = """# Benchmarks

Written by `python benchmarks/speed.py`; not by hand. Medians over the rounds, least and greatest in brackets; ratios are taken
within a round, against the first way of each table. Read ratios: absolute times are those of one machine at one time.
"""  # noqa: E501
FIGURES = {
    "images_s": ("images/s", "{:,.0f}"),
    "cpu_ms_a_step": ("CPU ms a step", "{:.2f}"),
    "ms_a_trial": ("ms a trial", "{:.1f}"),
    "accuracy": ("validation accuracy", "{:.4f}"),
    "peak_mib": ("peak MiB", "{:,.0f}"),
    "wall_s": ("seconds", "{:.2f}"),
    "cpu_s": ("CPU seconds", "{:.2f}"),
}
OF_PART = {
    "steps": ("images_s", "cpu_ms_a_step", "peak_mib"),
    "start": ("wall_s", "cpu_s"),
    "sweep": ("wall_s", "cpu_s"),
    "growth": ("cpu_ms_a_step", "ms_a_trial", "peak_mib"),
    "accuracy": ("accuracy",),
}
PACKAGES = ("torch", "lightning", "torchmetrics", "hydra-core", "optuna", "wandb")


def write_readme(path: Path, kept: Kept) -> None:
    """Write all tables."""
    parts = [HEAD, machine(kept)]
    parts += [
        table(title, kept.of(title))
        for title in sorted(kept.titles(), key=lambda title: list(OF_PART).index(part_of(title)))
    ]
    path.write_text("\n".join(parts))


def part_of(title: str) -> str:
    """Return the part of the benchmark that a title belongs to."""
    return title.partition(":")[0]


def machine(kept: Kept) -> str:
    """Return what was measured on, and how busy it was."""
    loads = [row["load"] for row in kept.rows] or [0.0]
    names = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    cores = f"{platform.processor() or platform.machine()}, {len_cores()} cores"
    busy = f"Load before a run: {min(loads):.1f} to {max(loads):.1f}."
    return f"{platform.system()}, {cores}, Python {platform.python_version()}, {names}. {busy}\n"


def len_cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table(title: str, ways: dict[str, list[dict[str, Any]]]) -> str:
    """Return the table of one title."""
    done = {way: [row for row in rows if "error" not in row] for way, rows in ways.items()}
    names = [
        name
        for name in OF_PART[part_of(title)]
        if any(row.get(name) is not None for rows in done.values() for row in rows)
    ]
    first = next(iter(done.values()))
    lines = [
        f"## {title}\n",
        "| way | runs | " + " | ".join(f"{FIGURES[name][0]} | ratio" for name in names) + " |",
    ]
    lines.append("|---|---|" + "---|---|" * len(names))
    for way, rows in done.items():
        cells = [cell for name in names for cell in cells_of(name, rows, first)]
        failed = f" ({len(ways[way]) - len(rows)} failed)" if len(rows) < len(ways[way]) else ""
        lines.append(f"| {way} | {len(rows)}{failed} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def cells_of(name: str, rows: list[dict[str, Any]], first: list[dict[str, Any]]) -> tuple[str, str]:
    """Return a figure and its ratio to the first way's, each with its spread."""
    values = {row["round"]: row[name] for row in rows if row.get(name) is not None}
    base = {row["round"]: row[name] for row in first if row.get(name) is not None}
    ratios = [values[number] / base[number] for number in values if base.get(number)]
    return spread(list(values.values()), FIGURES[name][1]), spread(ratios, "{:.2f}")


def spread(values: list[float], form: str) -> str:
    """Return median and range."""
    if not values:
        return ""
    mid, least, most = (form.format(value) for value in middle(values))
    return mid if least == most else f"{mid} ({least} to {most})"
