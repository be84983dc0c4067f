"""metrics.csv in the run folder, written as soon as a metric is logged, in addition to other
loggers.

Lightning's CSVLogger deletes the file when a run is resumed and keeps up to 100 rows in memory.
"""

import csv
import io
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.rank_zero import rank_zero_only
from lightning.pytorch.loggers.logger import Logger

from convsweep.run_folder import METRICS

log = logging.getLogger(__name__)

Row = dict[str, Any]


class MetricsFile(Logger):
    """A Lightning logger that writes `folder/metrics.csv`: columns `epoch`, `step`, then metrics in
    order of first appearance.

    Values of one epoch share a row until a metric is repeated, so metrics logged once an epoch make
    one row an epoch.

    Args:
        folder: the run folder.
        resume: append to existing rows, dropping those from the first newly logged step on, which
            are trained again. Otherwise an existing file is renamed.
    """

    def __init__(self, folder: str | os.PathLike[str], *, resume: bool = False) -> None:
        super().__init__()
        self.path = Path(folder) / METRICS
        self._resume = resume
        self._columns: list[str] = []
        self._row: Row = {}
        self._row_start = 0
        self._state = "closed"

    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        """The run folder; since this is the first logger, also Lightning's `trainer.log_dir`."""
        return str(self.path.parent)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the run folder has the resolved config."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Write `metrics` to the row of their epoch. A failure to write is reported once; training
        continues.
        """
        if self._state == "broken":
            return
        try:
            if self._state == "closed":
                self._open(step)
            self._write({key: _number(value) for key, value in metrics.items()}, step)
        except OSError as problem:
            self._state = "broken"
            log.warning("%s is no longer written: %s. Training continues.", self.path, problem)

    def _open(self, step: int | None) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._state = "open"
        if not self.path.exists():
            return
        if not self._resume:
            self.path.rename(_free_name(self.path))
            return
        rows = read_metrics(self.path)
        self._columns = list(dict.fromkeys(key for row in rows for key in row))
        self._rewrite([row for row in rows if step is None or float(row["step"] or 0) < step])

    def _write(self, metrics: Row, step: int | None) -> None:
        next_epoch = "epoch" in metrics and metrics["epoch"] != self._row.get(
            "epoch", metrics["epoch"]
        )
        if next_epoch or any(key in self._row for key in metrics if key != "epoch"):
            self._row, self._row_start = {}, self._size()
        self._row |= metrics | ({} if step is None else {"step": step})
        new_columns = [key for key in ("epoch", "step", *self._row) if key not in self._columns]
        if new_columns:
            self._columns = list(dict.fromkeys(self._columns + new_columns))
            self._rewrite(self._finished_rows())
        with self.path.open("r+b") as file:
            file.seek(self._row_start)
            file.write(self._line(self._row))
            file.truncate()

    def _finished_rows(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            text = file.read(self._row_start).decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def _rewrite(self, rows: list[Row]) -> None:
        header = self._line(dict(zip(self._columns, self._columns, strict=True)))
        scratch = self.path.with_suffix(".tmp")
        scratch.write_bytes(header + b"".join(self._line(row) for row in rows))
        scratch.replace(self.path)
        self._row_start = self._size()

    def _line(self, row: Row) -> bytes:
        text = io.StringIO(newline="")
        csv.DictWriter(text, self._columns, restval="", lineterminator="\n").writerow(row)
        return text.getvalue().encode()

    def _size(self) -> int:
        return self.path.stat().st_size


def read_metrics(path: Path) -> list[dict[str, str]]:
    """Return the rows of a metrics.csv as text; missing values are empty, an incomplete last line
    is left out.
    """
    lines = path.read_text().splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines.pop()
    return list(csv.DictReader(lines))


def _number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _free_name(path: Path) -> Path:
    number = 1
    while (candidate := path.with_stem(f"{path.stem}.{number}")).exists():
        number += 1
    return candidate
