"""Images of your own below a folder, and a CSV file with the numbers or labels of each."""

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.checks import examples
from convsweep.data.datamodule import DataModule
from convsweep.data.files.decoding import Keep, Storage, decode_images, image_shape
from convsweep.data.files.folders import PART_NAMES, existing_folder, image_files, relative_names
from convsweep.data.files.images import WHITE, Color, ImageDecoding, Resize
from convsweep.data.files.table import CsvTable, present, read_table
from convsweep.data.files.unreadable import OnUnreadable, Unreadable
from convsweep.data.options import LoadingOptions, per_axis
from convsweep.data.samples import PARTS, DataInfo, Parts, Samples
from convsweep.errors import UserError
from convsweep.task import MULTI_LABEL, REGRESSION, find_task

EXPECTED = "a folder of images"


class ImageTable(DataModule):
    """Images with numbers or labels in a table, a row for each image.

    Args:
        root: the folder of the images.
        table: the CSV file, below the root or from the current folder; its first line names the
            columns.
        task: `regression`: columns of numbers; `multi_label`: columns of 0 and 1, one a label, or
            the lists of `list_column`.
        file_column: which column names the file, below the root, with its ending or without; null:
            the first.
        targets: columns to predict, or labels of the lists; null: all but file and part, or all
            labels.
        list_column: column of the labels of each image, separated by `separator`.
        separator: between labels of a list.
        part_column: which column says train, val or test; null: the set is split.
        image_size: one number or (height, width); null if all files are of one size.
        resize: "stretch", "crop" the middle, or "pad" with black.
        color: "grey", "rgb", or "auto": all as the first file is.
        white: of 16-bit images, the value that becomes 255; brighter ones do too.
        keep: decoded images stay in "memory", on "disk" (a memory-mapped cache), or where "auto"
            thinks best.
        cache_dir: folder of the cache; null: convsweep in the user's cache folder.
        on_unreadable: "error", or "skip" files that cannot be read, and say how many.
    """

    own_files = "root"

    def __init__(
        self,
        root: str,
        table: str = "labels.csv",
        task: str = REGRESSION,
        file_column: str | None = None,
        targets: Sequence[str] | None = None,
        list_column: str | None = None,
        separator: str = ";",
        part_column: str | None = None,
        image_size: int | Sequence[int] | None = None,
        resize: Resize = "stretch",
        color: Color = "auto",
        white: int = WHITE,
        keep: Keep = "auto",
        cache_dir: str | None = None,
        on_unreadable: OnUnreadable = "error",
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        self.root, self.table_name = Path(root).expanduser(), Path(table).expanduser()
        self.task, self.targets = task, targets
        self.list_column, self.separator = list_column, separator
        self.file_column, self.part_column = file_column, part_column
        self.decoding = ImageDecoding(
            per_axis("image_size", image_size, 2, int), resize, color, white
        )
        self.storage = Storage(keep, cache_dir)
        self.unreadable = Unreadable(on_unreadable)
        if not find_task(task).has_numbers:
            raise UserError(
                f"data.task must be {REGRESSION} or {MULTI_LABEL} for a table, but is {task!r};"
                " use data=image_folder for classes and data=mask_folder for masks"
            )

        if list_column is not None and task != MULTI_LABEL:
            raise UserError(
                f"data.list_column is for lists of labels, but data.task is {task!r}; use"
                f" data.task={MULTI_LABEL} or leave it out"
            )

    @cached_property
    def table(self) -> CsvTable:
        below = existing_folder(self.root, EXPECTED) / self.table_name
        elsewhere = self.table_name.is_file() and not below.is_file()
        return read_table(self.table_name if elsewhere else below)

    @cached_property
    def files(self) -> list[Path]:
        """The image of each row.

        Raises:
            UserError: rows name no image, or the same.
        """
        column = self.file_column or self.table.header[0]
        names = self.table.column(column)
        images = image_files(existing_folder(self.root, EXPECTED))
        known: dict[str, Path] = {}
        for file, name in zip(images, relative_names(images, self.root), strict=True):
            known.setdefault(name.rpartition(".")[0], file)
        known |= dict(zip(relative_names(images, self.root), images, strict=True))
        missing = [name for name in names if name not in known]
        if missing:
            raise UserError(
                f"Every row must name an image below {self.root}, but {len(missing)} of"
                f" {len(names)} in {self.table.path} do not: {examples(missing)}; correct column"
                f" {column!r}, or set data.root or data.file_column."
            )
        files = [known[name] for name in names]
        twice = sorted({name for name, count in Counter(files).items() if count > 1})
        if twice:
            raise UserError(
                f"Every image must have one row, but {self.table.path} names"
                f" {examples(relative_names(twice, self.root))} more than once; keep one row."
            )
        return files

    @cached_property
    def target_names(self) -> list[str]:
        """The names of the numbers or labels, in the order of the table or of `targets`."""
        if self.targets is not None:
            names = list(dict.fromkeys(self.targets))
        elif self.list_column is not None:
            names = sorted({label for labels in self.lists for label in labels})
        else:
            others = {self.file_column or self.table.header[0], self.part_column}
            others.add(self.loading["group"])
            names = [name for name in self.table.header if name not in others]
        if not names:
            raise UserError(
                f"A table needs a column or label to predict, but {self.table.path} has none beside"
                f" {', '.join(self.table.header)}; add one."
            )
        return names

    def groups(self, names: Sequence[str]) -> list[str] | None:
        """Return the group of each sample: also by a column of the table.

        Raises:
            UserError: the column has empty cells.
        """
        group = self.loading["group"]
        if group not in self.table.header:
            return super().groups(names)
        group_of = dict(zip(self.names, self.table.column(group), strict=True))
        empty = [name for name in names if not group_of[name]]
        if empty:
            raise UserError(
                f"Every image must be in a group, but column {group!r} of {self.table.path} is"
                f" empty for {examples(empty)}; fill in these cells, or set data.group=null."
            )
        return [group_of[name] for name in names]

    @cached_property
    def lists(self) -> list[list[str]]:
        """The labels of each image, from its list."""
        assert self.list_column is not None
        return self.table.lists(self.list_column, self.separator)

    def values(self) -> NDArray[np.float32]:
        """Return the targets (N, K).

        Raises:
            UserError: cells do not hold what the task needs.
        """
        if self.list_column is not None:
            return present(self.lists, self.target_names, self.names, self.table.path)
        if self.task == MULTI_LABEL:
            return self.table.zeros_and_ones(self.target_names, self.names)
        return self.table.numbers(self.target_names, self.names)

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        return image_shape(self.files, self.decoding, self.root, self.unreadable)

    def describe(self) -> DataInfo:
        names = self.target_names
        self.values()
        return DataInfo(self.shape, len(names), tuple(names), self.task)

    @property
    def names(self) -> list[str]:
        return relative_names(self.files, self.root)

    def read(self) -> Parts:
        y = self.values()
        samples = Samples(
            decode_images(
                self.files, self.root, self.decoding, self.shape, self.storage, self.unreadable
            ),
            y,
            self.names,
        )
        if self.part_column is None:
            return samples, None, None
        parts = self.part_of_each(self.part_column)
        train, val, test = (
            samples.select(np.flatnonzero(parts == part)) if (parts == part).any() else None
            for part in PARTS
        )
        if train is None:
            raise UserError(
                f"A divided table needs rows of train, but column {self.part_column!r} of"
                f" {self.table.path} has none."
            )
        return train, val, test

    def part_of_each(self, column: str) -> NDArray[np.str_]:
        """Return the part of each row.

        Raises:
            UserError: a cell names none.
        """
        known = {name: part for part, names in PART_NAMES.items() for name in names}
        cells = [cell.lower() for cell in self.table.column(column)]
        strange = sorted({cell for cell in cells if cell not in known})
        if strange:
            raise UserError(
                f"Parts must be train, val or test, but column {column!r} of {self.table.path}"
                f" holds {examples(strange)}; correct these cells."
            )
        return np.array([known[cell] for cell in cells])
