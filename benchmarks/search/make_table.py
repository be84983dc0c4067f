"""Train the random networks of the search benchmark's table, every one with two seeds.

    python -m benchmarks.search.make_table --root data [--rows curves.jsonl] [--part 1/4]

Point number i is the same on every machine. One line a training is appended to the file; the same
command goes on where it stopped, and points of the repository's table are left out. About two
seconds of one core a training. `table.py` adds the files of one or more machines to that table.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from benchmarks.search.rows import mend, read_rows
from benchmarks.search.samples import load_data
from benchmarks.search.table import load_table
from benchmarks.search.tasks import NAMES, Task, load_task, options_of
from benchmarks.search.training import cost_of, train

SEEDS = (0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", default="data", help="folder of the data sets (data.root)")
    parser.add_argument("--rows", type=Path, default=Path("curves.jsonl"))
    parser.add_argument("--tasks", nargs="+", default=list(NAMES), choices=NAMES)
    parser.add_argument("--points", type=int, default=2_000, help="points of each task")
    parser.add_argument("--part", default="1/1", help="k/n: every n-th point, from the k-th on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    part, parts = map(int, options.part.split("/"))
    mend(options.rows)
    known = {(row["task"], row["point"], row["seed"]) for row in read_rows(options.rows)}
    known |= {key for name in options.tasks for key in packed(name)}
    with options.rows.open("a") as file:
        for number in range(part - 1, options.points, parts):
            for name in options.tasks:
                for row in rows_of(load_task(name), number, options.root, known):
                    file.write(json.dumps(row) + "\n")
                    file.flush()


def packed(name: str) -> Iterator[tuple[str, int, int]]:
    """Yield task, point and seed of what the repository's table knows of a task."""
    table = load_table(name)
    for point in [*table.points, *table.refused]:
        for seed in SEEDS:
            yield name, int(point), seed


def rows_of(
    task: Task, number: int, root: str, known: set[tuple[str, int, int]]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a point that are not known: one for each seed, or one if it is refused."""
    missing = [seed for seed in SEEDS if (task.name, number, seed) not in known]
    if not missing:
        return
    point = task.point(number)
    options = options_of(point)
    shared = {"task": task.name, "point": number, "values": point.values}
    cost = cost_of(task, options)
    if "reason" in cost:
        if SEEDS[0] in missing:
            yield {**shared, "seed": SEEDS[0], "kind": "infeasible", **cost}
        return
    for seed in missing:
        curve = asdict(train(task, load_data(task.name, root), options, seed))
        kind = "diverged" if curve.pop("diverged") else "complete"
        yield {**shared, "seed": seed, "kind": kind, **cost, **curve}


if __name__ == "__main__":
    main()
