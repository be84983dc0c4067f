"""predictions.csv, written row by row, and its excerpt for the terminal."""

import csv
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import DataInfo
from convsweep.task import Task

if TYPE_CHECKING:
    from rich.table import Table

# Rows of the table in the terminal.
SHOWN_ROWS = 10


class Predictions:
    """Writes the rows of a CSV file.

    A row holds the sample, the file of its result for dense tasks, and the task's columns.

    Args:
        path: of the CSV file.
        info: of the network's data.
        task: of the network; None: as the data names it.
    """

    def __init__(self, path: Path, info: DataInfo, task: Task | None = None) -> None:
        self.path, self.info = path, info
        self.task = task or info.kind
        files = ["mask" if self.task.has_masks else "result"] if self.task.is_dense else []
        self.header = ["sample", *files, *self.task.columns(info)]
        self.first: list[list[str]] = []
        self.shares = np.zeros(info.num_classes)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "file" in vars(self):
            self.file.close()

    @cached_property
    def file(self) -> TextIO:
        """The file, created at the first row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("w", newline="", encoding="utf-8")
        csv.writer(file, lineterminator="\n").writerow(self.header)
        return file

    def add(self, name: str, written: list[str], result: NDArray[Any]) -> None:
        """Write the row of a sample, with the files `written` for its result."""
        row = [name, *written, *self.task.cells(self.info, result)]
        self.shares += self.task.shares(self.info, result)
        self.count += 1
        if len(self.first) < SHOWN_ROWS:
            self.first.append(row)
        csv.writer(self.file, lineterminator="\n").writerow(row)
        self.file.flush()

    def summary(self) -> str:
        """Return the number of samples, and the task's summary of them."""
        total = "1 sample" if self.count == 1 else f"{self.count:,} samples"
        if self.count > SHOWN_ROWS:
            total += f", the first {SHOWN_ROWS} above"
        return total + self.task.summary(self.info, self.shares, self.count)

    def preview(self) -> "Table":
        """Return the first rows as a table, with the columns that the task selects."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0))
        columns = [column for column in self.task.shown_columns() if column < len(self.header)]
        for column in columns:
            table.add_column(self.header[column], overflow="fold")
        for row in self.first:
            table.add_row(
                *(Text(row[column]) for column in columns)
            )  # paths may hold rich's markup
        return table
