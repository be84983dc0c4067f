"""Measurements of commands, run in turn and stored as JSON lines, so that a stopped benchmark can
continue.
"""

import json
import os
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Way:
    """One variant of a measurement.

    Attributes:
        name: Its name in the table.
        command: Its command; `{round}` stands for the number of the round.
        code: The expected exit code.
    """

    name: str
    command: list[str]
    code: int = 0


class Kept:
    """All measurements so far, stored in a file.

    Args:
        path: The file, to which new measurements are appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.rows: list[dict[str, Any]] = (
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        )

    def add(self, row: dict[str, Any]) -> None:
        """Store one measurement."""
        self.rows.append(row)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def has(self, title: str, way: str, number: int) -> bool:
        """Return whether a round was measured already."""
        return any(
            (row["title"], row["way"], row["round"]) == (title, way, number) for row in self.rows
        )

    def titles(self) -> list[str]:
        """Return the titles of the measurements in their order."""
        return list(dict.fromkeys(row["title"] for row in self.rows))

    def of(self, title: str) -> dict[str, list[dict[str, Any]]]:
        """Return the measurements of each variant, sorted by round."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in sorted(
            (row for row in self.rows if row["title"] == title), key=lambda row: int(row["round"])
        ):
            found.setdefault(row["way"], []).append(row)
        return found


def measure(kept: Kept, title: str, ways: list[Way], rounds: int) -> None:
    """Run the missing rounds, each with all variants in turn."""
    for number in range(rounds):
        for way in ways:
            if not kept.has(title, way.name, number):
                command = [str(number) if part == "{round}" else part for part in way.command]
                row = {"title": title, "way": way.name, "round": number, **run(command, way.code)}
                kept.add(row)
                print(
                    title,
                    "|",
                    way.name,
                    "|",
                    number,
                    row.get("error") or f"{row['wall_s']:.1f} s",
                    flush=True,
                )


def run(command: list[str], code: int = 0) -> dict[str, Any]:
    """Run a command in an empty folder; return its times, the load before it, and the figures that
    it prints as JSON.
    """
    load = os.getloadavg()[0]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    figures = [
        json.loads(line)
        for line in done.stdout.splitlines()
        if line.startswith("{") and line.endswith("}")
    ]
    error = (
        {}
        if done.returncode == code
        else {"code": done.returncode, "error": (done.stderr or done.stdout)[-500:]}
    )
    return {"wall_s": wall, "cpu_s": cpu, "load": load, **(figures[-1] if figures else {}), **error}


def middle(values: list[float]) -> tuple[float, float, float]:
    """Return median, minimum and maximum."""
    return median(values), min(values), max(values)
