"""Tables in CSV files: a row a sample, with the file of the sample and what is true of it."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.errors import UserError, did_you_mean

DELIMITERS = ",;\t"
BITS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1}


@dataclass(frozen=True)
class CsvTable:
    """The cells of a CSV file, without the spaces around them.

    Args:
        path: of the file, for messages.
        header: the names of the columns.
        rows: the cells of every row, in the order of the header.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column.

        Raises:
            UserError: there is no such column.
        """
        if name not in self.header:
            raise UserError(
                f"A column of {self.path} must be in its first line, but {name!r} is not;"
                f" {did_you_mean(name, self.header)}"
            )
        index = self.header.index(name)
        return [row[index] for row in self.rows]

    def numbers(self, names: Sequence[str], samples: Sequence[str]) -> NDArray[np.float32]:
        """Return columns as numbers (N, len(names)).

        Args:
            samples: what the rows are called in messages.

        Raises:
            UserError: naming the cells that are no finite numbers.
        """
        values = np.full((len(self.rows), len(names)), np.nan, np.float64)
        for place, name in enumerate(names):
            for row, cell in enumerate(self.column(name)):
                try:
                    values[row, place] = float(cell)
                except ValueError:
                    pass  # is told below, with the others
        wrong = np.argwhere(~np.isfinite(values))
        if len(wrong):
            cells = self.name_cells(wrong, names, samples)
            raise UserError(
                f"Targets must be finite numbers, but {self.path} holds {cells}; correct"
                " these cells, remove the rows, or name the columns to predict by data.targets."
            )
        return values.astype(np.float32)

    def zeros_and_ones(self, names: Sequence[str], samples: Sequence[str]) -> NDArray[np.float32]:
        """Return columns of labels (N, len(names)): 0 and 1, also written 0.0, 1.0, false and true.

        Args:
            samples: names of the rows in messages.

        Raises:
            UserError: naming the cells that are neither.
        """
        columns = [[BITS.get(cell.lower(), -1) for cell in self.column(name)] for name in names]
        values = np.array(columns, np.float32).T
        wrong = np.argwhere(values < 0)
        if len(wrong):
            cells = self.name_cells(wrong, names, samples)
            raise UserError(
                f"Labels must be 0 or 1, but {self.path} holds {cells}; correct these"
                " cells, name the columns of labels by data.targets, or lists by data.list_column."
            )
        return values

    def lists(self, name: str, separator: str) -> list[list[str]]:
        """Return the words of each cell of a column; an empty cell has none."""
        return [
            [word.strip() for word in cell.split(separator) if word.strip()]
            for cell in self.column(name)
        ]

    def name_cells(
        self, places: NDArray[np.int64], names: Sequence[str], samples: Sequence[str]
    ) -> str:
        """Return a few cells for a message, by sample, column and content; `places` are rows and
        indices of `names`.
        """
        found = []
        for row, place in places:
            content = self.rows[row][self.header.index(names[place])]
            found.append(f"{samples[row]} ({names[place]}={content!r})")
        return examples(found)


def read_table(path: Path) -> CsvTable:
    """Read a CSV file in UTF-8, separated by commas, semicolons or tabs; its first line names the
    columns.

    Raises:
        UserError: it is not there, no such file, or its rows differ in length.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = [file.name for file in path.parent.glob("*.csv")] if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near) if near else "name it by data.table"
        raise UserError(
            f"data.table must be a CSV file, but {path} does not exist; {hint}"
        ) from None
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise UserError(
            f"data.table must be a CSV file in UTF-8, but {path} is not ({error}); save it as CSV."
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    lines = [
        [cell.strip() for cell in row]
        for row in csv.reader(text.splitlines(), delimiter=delimiter)
        if row
    ]
    if len(lines) < 2:
        raise UserError(
            f"A table needs a line of names and a row for each sample, but {path} holds"
            f" {len(lines)} lines."
        )
    header, *rows = lines
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UserError(
            f"Columns must have different names, but {path} has {examples(twice)} twice; rename"
            " one."
        )
    uneven = [str(number) for number, row in enumerate(rows, start=2) if len(row) != len(header)]
    if uneven:
        raise UserError(
            f"Every row must have {len(header)} cells as the first line of {path}, but row"
            f" {examples(uneven)} has not; quote cells that hold {delimiter!r}."
        )
    return CsvTable(path, header, rows)


def present(
    lists: Sequence[Sequence[str]], names: Sequence[str], samples: Sequence[str], path: Path
) -> NDArray[np.float32]:
    """Return which labels are in each list, (N, len(names)) of zeros and ones.

    Args:
        samples: names of the lists in messages.
        path: of the table, for messages.

    Raises:
        UserError: a label is not among the names.
    """
    place = {name: index for index, name in enumerate(names)}
    strange = [f"{word!r} of {sample}" for words, sample in zip(lists, samples, strict=True)
               for word in words if word not in place]  # fmt: skip
    if strange:
        raise UserError(
            f"Labels must be among {', '.join(names)}, but {path} holds {examples(strange)};"
            " correct the cells, or name the labels by data.targets."
        )
    values = np.zeros((len(lists), len(names)), np.float32)
    for row, words in enumerate(lists):
        values[row, [place[word] for word in words]] = 1
    return values
