"""The table of learning curves, and the command that adds rows to it.

    python -m benchmarks.search.table curves.jsonl [more.jsonl]

Points are not stored, since point number i of a space is the same everywhere; what is stored with
each number are costs and curves. The file holds the definition of each space, so that a table of
another space is refused.
"""

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.search.rows import read_rows
from benchmarks.search.tasks import FOLDER, NAMES, Task, load_task
from numpy.typing import NDArray

FILE = FOLDER / "curves.npz"
Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """The networks of one task.

    Attributes:
        points: (P,) numbers of the trained points.
        params, macs: (P,) of their networks.
        val, test: (P, 2, E) accuracy after each epoch, of two seeds; a training that diverged
            keeps 0 from there on.
        val_loss: (P, 2, E) cross-entropy of the validation samples.
        seconds: (P, 2, E) CPU time of each epoch.
        refused: (R,) numbers of the points that exceeded the budget.
        refused_params, refused_macs: (R,) of their networks.
    """

    points: Array
    params: Array
    macs: Array
    val: Array
    test: Array
    val_loss: Array
    seconds: Array
    refused: Array
    refused_params: Array
    refused_macs: Array

    @property
    def num_epochs(self) -> int:
        """Epochs of a full training."""
        return int(self.val.shape[2])


# How a field is stored: its type, and the factor before it.
STORED = {
    "points": ("u2", 1),
    "params": ("u2", 1),
    "macs": ("u4", 1),
    "val": ("u2", 10_000),
    "test": ("u2", 10_000),
    "val_loss": ("f2", 1),
    "seconds": ("f2", 1),
    "refused": ("u2", 1),
    "refused_params": ("u4", 1),
    "refused_macs": ("u4", 1),
}


def make_table(task: Task, rows: list[dict[str, Any]]) -> Table:
    """Return the table of the rows of one task; points of which a seed is missing are left out."""
    trained: dict[int, dict[int, dict[str, Any]]] = {}
    for row in rows:
        if row["kind"] != "infeasible":
            trained.setdefault(row["point"], {})[row["seed"]] = row
    pairs = {point: seeds for point, seeds in sorted(trained.items()) if len(seeds) == 2}
    # networks that cannot be built have no cost
    refused = sorted(
        (row for row in rows if row["kind"] == "infeasible" and "params" in row),
        key=lambda row: row["point"],
    )

    def curves(name: str) -> Array:
        length = task.max_epochs
        return np.array(
            [
                [np.pad(pair[seed][name], (0, length - len(pair[seed][name]))) for seed in (0, 1)]
                for pair in pairs.values()
            ],
            float,
        ).reshape(-1, 2, length)

    def costs(name: str) -> Array:
        return np.array([pair[0][name] for pair in pairs.values()], int)

    return Table(
        points=np.array(list(pairs), int),
        params=costs("params"),
        macs=costs("macs"),
        **{name: curves(name) for name in ("val", "test", "val_loss", "seconds")},
        refused=np.array([row["point"] for row in refused], int),
        refused_params=np.array([row["params"] for row in refused], int),
        refused_macs=np.array([row["macs"] for row in refused], int),
    )


def join(known: Table, new: Table) -> Table:
    """Return the networks of both tables by their points; a point of both is that of `new`."""

    def joined(points: str, fields: list[str]) -> dict[str, Array]:
        first, second = getattr(known, points), getattr(new, points)
        left = ~np.isin(first, second)
        order = np.argsort(np.concatenate([first[left], second]))
        return {
            name: np.concatenate([getattr(known, name)[left], getattr(new, name)])[order]
            for name in fields
        }

    refused = ["refused", "refused_params", "refused_macs"]
    trained = [name for name in STORED if name not in refused]
    return Table(**joined("points", trained), **joined("refused", refused))


def pack(tables: dict[str, Table], path: Path) -> None:
    """Write the tables into one file."""
    arrays = {
        f"{name}/{field}": np.round(getattr(table, field) * factor).astype(kind)
        if kind.startswith("u")
        else getattr(table, field).astype(kind)
        for name, table in tables.items()
        for field, (kind, factor) in STORED.items()
    }
    spaces = {f"{name}/space": np.array(definition(name)) for name in tables}
    np.savez_compressed(path, **arrays, **spaces)  # type: ignore[arg-type]


def definition(name: str) -> str:
    """Return the definition of a task's space as text."""
    return json.dumps(load_task(name).space.describe(), sort_keys=True)


@cache
def load_table(name: str, path: Path = FILE) -> Table:
    """Return the table of a task.

    Raises:
        ValueError: it was made with another space.
    """
    with np.load(path) as stored:
        if str(stored[f"{name}/space"]) != definition(name):
            raise ValueError(
                f"the table must be of the space in spaces/{name}.yaml, but {path} was made with"
                " another one; make it again by benchmarks/search/make_table.py"
            )
        return Table(
            **{
                field: stored[f"{name}/{field}"].astype(float) / factor
                if kind == "f2" or factor > 1
                else stored[f"{name}/{field}"].astype(int)
                for field, (kind, factor) in STORED.items()
            }
        )


def main() -> None:
    rows = [row for path in sys.argv[1:] for row in read_rows(Path(path))]
    tables = {
        name: join(
            load_table(name),
            make_table(load_task(name), [row for row in rows if row["task"] == name]),
        )
        for name in NAMES
    }
    pack(tables, FILE)
    for name, table in tables.items():
        print(f"{name}: {len(table.points)} networks, {len(table.refused)} refused")
    print(f"{FILE}: {FILE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
