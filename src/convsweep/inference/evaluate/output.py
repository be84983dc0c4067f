"""Output of an evaluation: evaluation.json, samples.csv, pictures, and tables in the terminal."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convsweep.data.samples import DataInfo
from convsweep.inference.evaluate.classes import per_class
from convsweep.inference.evaluate.measuring import Evaluation
from convsweep.pictures.drawing import draw_confusion
from convsweep.run_folder import write_atomically
from convsweep.task import Row, Task
from hydra_study.intervals import spread

if TYPE_CHECKING:
    from rich.table import Table

# Column of samples.csv.
GROUP = "group"
# Rows of the table in the terminal; the worst classes if there are more.
SHOWN_CLASSES = 30


@dataclass(frozen=True)
class Output:
    """Writes an evaluation to a folder.

    Args:
        folder: created if missing.
        info: description of the network's data.
        about: checkpoint and data, for the record.
        title: the same in short, for the pictures.
    """

    folder: Path
    info: DataInfo
    task: Task
    about: dict[str, Any]
    title: str

    def write(self, found: Evaluation) -> None:
        """Write all files and print the tables."""
        from convsweep.cli.console import console, short_path

        self.folder.mkdir(parents=True, exist_ok=True)
        classes = (
            found.rows
            if found.confusion is None
            else per_class(found.confusion, self.info.class_names, self.task.has_masks)
        )
        self.write_record(found, classes)
        self.write_samples(found)
        self.draw(found)
        console.print(metrics_table(found))
        if classes:
            console.print(classes_table(classes))
        if found.worst:
            names = ", ".join(name for _, name, _ in found.worst[:3])
            console.print(f"worst samples: {names}", soft_wrap=True, markup=False)
        console.print(
            f"results: {short_path(self.folder.absolute())}", soft_wrap=True, markup=False
        )

    def write_record(self, found: Evaluation, classes: list[Row]) -> None:
        """Write `evaluation.json`."""
        record = {
            **self.about,
            "samples": len(found.losses),
            "metrics": found.metrics,
            **({"folds": found.folds} if found.folds else {}),
            "classes" if found.confusion is not None else "numbers": classes,
            "confusion": None if found.confusion is None else found.confusion.tolist(),
            "worst": [{"sample": name, "loss": loss} for loss, name, _ in found.worst],
        }
        write_atomically(self.folder / "evaluation.json", json.dumps(record, indent=2) + "\n")

    def write_samples(self, found: Evaluation) -> None:
        """Write `samples.csv`: name, loss, the task's columns, and the group if there is one, of
        each sample.
        """
        columns = self.task.answer_columns(self.info)
        with (self.folder / "samples.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["sample", "loss", *columns, *([GROUP] if found.groups else [])])
            for number, (name, loss) in enumerate(zip(found.names, found.losses, strict=True)):
                answer = found.answers[number] if columns else []
                group = found.groups[number : number + 1]
                rows.writerow([name, f"{loss:.6f}", *answer, *group])

    def draw(self, found: Evaluation) -> None:
        """Draw the confusion matrix or what the task draws of all samples, and the worst ones."""
        if found.confusion is not None:
            figure = draw_confusion(found.confusion, self.info.class_names, self.title)
            figure.savefig(self.folder / "confusion.png")
        for name, figure in found.figures.items():
            figure.savefig(self.folder / f"{name}.png")
        if found.worst:
            self.task.draw([picture for _, _, picture in found.worst], self.info, self.folder)


def metrics_table(found: Evaluation) -> "Table":
    """Return the metrics as a table, without those of single classes; of folds also the mean with
    its standard error.
    """
    from rich.table import Table

    table = Table(show_header=bool(found.folds), box=None, padding=(0, 2, 0, 0))
    if found.folds:
        for head in ("", "all samples", f"mean of {len(found.folds)} folds"):
            table.add_column(head)
    for name, value in found.metrics.items():
        if "/" not in name:
            table.add_row(name, f"{value:.4f}", *mean_of_folds(found, name))
    table.add_row("samples", f"{len(found.losses):,}")
    return table


def mean_of_folds(found: Evaluation, name: str) -> list[str]:
    """Return mean and standard error of a metric over folds, in a list; an empty one without
    folds.
    """
    measured = spread([fold["metrics"][name] for fold in found.folds])
    if measured is None or measured.standard_error is None:
        return []
    return [f"{measured.mean:.4f} ± {measured.standard_error:.4f}"]


def classes_table(classes: list[Row]) -> "Table":
    """Return the scores of classes or numbers as a table; of many only the worst, by the last
    column.
    """
    from rich.table import Table
    from rich.text import Text

    shown = classes
    if len(classes) > SHOWN_CLASSES:
        *_, last = classes[0]
        shown = sorted(classes, key=lambda row: float(row[last] or 0))[:SHOWN_CLASSES]
    caption = None if len(shown) == len(classes) else f"the worst {len(shown)} of {len(classes)}"
    table = Table(box=None, padding=(0, 2, 0, 0), caption=caption)
    for column, name in enumerate(classes[0]):
        table.add_column(name, justify="right" if column else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text(cell(value)) for value in row.values()))
    return table


def cell(value: float | int | str | None) -> str:
    """Return a value as text for a table."""
    if value is None:
        return "-"
    return (
        f"{value:.4f}"
        if isinstance(value, float)
        else f"{value:,}"
        if isinstance(value, int)
        else value
    )
