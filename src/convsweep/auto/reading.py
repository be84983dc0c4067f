"""Reading of the JSON and CSV files that stages leave."""

import csv
import json
from pathlib import Path
from typing import Any


def score_of(row: dict[str, str]) -> float | None:
    """Return the objective of a trial: the column after number, kind and reason."""
    text = list(row.values())[3]
    return float(text) if text else None


def read_json(file: Path) -> dict[str, Any]:
    """Return the content of a JSON file; empty if there is none."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def read_rows(file: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file; empty if there is none."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as opened:
        return list(csv.DictReader(opened))
