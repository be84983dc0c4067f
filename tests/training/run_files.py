"""What a run writes, read back."""

import csv
import json
from pathlib import Path


def result_of(folder: Path) -> dict:
    return json.loads((folder / "result.json").read_text())


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of a run's metrics that have a validation."""
    with (folder / "metrics.csv").open() as file:
        return [row for row in csv.DictReader(file) if row.get("val/loss")]
