"""predictions.csv: a row a sample, on disk as soon as it is predicted, and what of it is shown in the terminal."""

import csv
from collections import Counter
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from convsweep.data.samples import DataInfo

if TYPE_CHECKING:
    from rich.table import Table

SHOWN_ROWS, SHOWN_CLASSES = 10, 4


class Predictions:
    """Writes the rows of a CSV file.

    A classification has the class, its probability, and the probability of every class (`p_NAME`). A segmentation has the mask
    file and the share of its positions that each class takes (`share_NAME`). Anything else has the file that was written.

    Args:
        path: of the CSV file.
        info: of the network's data.
    """

    def __init__(self, path: Path, info: DataInfo) -> None:
        self.path, self.info = path, info
        prefix = {"classification": ["class", "probability"], "segmentation": ["mask"]}.get(info.task, ["result"])
        each = {"classification": "p_", "segmentation": "share_"}.get(info.task)
        self.header = ["sample", *prefix, *([f"{each}{name}" for name in info.class_names] if each else [])]
        self.first: list[list[str]] = []
        self.classes: Counter[str] = Counter()
        self.shares = np.zeros(info.num_classes)
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if "file" in vars(self):
            self.file.close()

    @cached_property
    def file(self) -> TextIO:
        """The file, which is there once there is a row to write."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        file = self.path.open("w", newline="", encoding="utf-8")
        csv.writer(file, lineterminator="\n").writerow(self.header)
        return file

    def add_class(self, name: str, probs: NDArray[Any]) -> None:
        """Write the probabilities (K,) of a sample."""
        best = int(probs.argmax())
        self.classes[self.info.class_names[best]] += 1
        self.add([name, self.info.class_names[best], *(f"{value:.6f}" for value in (probs[best], *probs))])

    def add_mask(self, name: str, written: str, mask: NDArray[Any]) -> None:
        """Write what share of a mask each class takes."""
        counts = np.bincount(mask.reshape(-1), minlength=self.info.num_classes)[: self.info.num_classes]
        shares = counts / max(1, counts.sum())
        self.shares += shares
        self.add([name, written, *(f"{share:.6f}" for share in shares)])

    def add(self, row: list[str]) -> None:
        """Write a row."""
        self.count += 1
        if len(self.first) < SHOWN_ROWS:
            self.first.append(row)
        csv.writer(self.file, lineterminator="\n").writerow(row)
        self.file.flush()

    def summary(self) -> str:
        """Return how many samples there are, and what they are: the classes that most of them have, or take the most of them."""
        total = "1 sample" if self.count == 1 else f"{self.count:,} samples"
        if self.count > SHOWN_ROWS:
            total += f", the first {SHOWN_ROWS} above"
        if self.info.task == "segmentation":
            largest = np.argsort(-self.shares, kind="stable")[:8]
            means = ", ".join(f"{self.info.class_names[i]} {self.shares[i] / max(1, self.count):.1%}" for i in largest)
            return f"{total}; on average {means}"
        counts = ", ".join(f"{name} ({count:,})" for name, count in self.classes.most_common(8))
        return f"{total}: {counts}" if counts else total

    def shown(self) -> "Table":
        """Return the first rows as a table: the sample and its class, or the shares that classes take of its mask."""
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 2, 0, 0))
        columns = [0, *range(2, 2 + SHOWN_CLASSES)] if self.info.task == "segmentation" else [0, 1, 2]
        columns = [column for column in columns if column < len(self.header)]
        for column in columns:
            table.add_column(self.header[column], overflow="fold")
        for row in self.first:
            table.add_row(*(Text(row[column]) for column in columns))  # a path is no markup
        return table
