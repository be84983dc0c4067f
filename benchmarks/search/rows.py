"""Files of JSON lines that a stopped command goes on with."""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file; a last line that was cut is left out."""
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def mend(path: Path) -> None:
    """Remove a last line that was cut, so that another can be appended."""
    if path.exists():
        whole = path.read_bytes()
        path.write_bytes(whole[: whole.rfind(b"\n") + 1])


def append_missing(
    path: Path,
    keys: tuple[str, ...],
    places: Iterable[tuple[Any, ...]],
    search: Callable[..., dict[str, Any]],
) -> None:
    """Append a row for each place that has none: its place, what `search` returns there, and the
    CPU time that took.

    Args:
        path: The file.
        keys: Names of the values that make up a place.
        places: The places, in the order of the searches.
        search: Is called with the values of a place.
    """
    mend(path)
    known = {tuple(row[key] for key in keys) for row in read_rows(path)}
    with path.open("a") as file:
        for place in places:
            if place in known:
                continue
            began = time.process_time()
            row = dict(zip(keys, place, strict=True)) | search(*place)
            row["cpu_s"] = round(time.process_time() - began, 2)
            file.write(json.dumps(row) + "\n")
            file.flush()
