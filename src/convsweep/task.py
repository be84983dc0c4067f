"""The abstract task: shape of targets, columns of predictions, pictures of evaluations.

A task is one file in `convsweep/tasks/`, or in a user's project: a subclass of `Task`, and a
LightningModule whose attribute `task` is an instance of it. Other code calls the task's methods and
never compares its name.
"""

import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from convsweep.errors import InfeasibleError, UserError, did_you_mean
from convsweep.nets.geometry import shape_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from convsweep.data.samples import DataInfo, Samples

# A row of a table: what is measured of a class or a number, by the name of the column.
Row = dict[str, float | int | str | None]

# Names of the package's tasks, for data sources.
CLASSIFICATION, SEGMENTATION, DENOISING = "classification", "segmentation", "denoising"
REGRESSION, MULTI_LABEL = "regression", "multi_label"

PACKAGE = "convsweep.tasks"
# Of predictions.csv, after the name of the sample.
SHOWN_COLUMNS = 4

_defined: dict[str, "Task"] = {}


class Task(ABC):
    """Base of all tasks.

    A new task sets `name`, `has_classes`, `is_dense` and `has_several_labels`, and overrides the
    methods that do not suit it.
    """

    # Matches `DataInfo.task` of the data.
    name: ClassVar[str]

    # Whether targets are class indices instead of numbers.
    has_classes: ClassVar[bool] = False

    # Whether there is an output at every position instead of one a sample.
    is_dense: ClassVar[bool] = False

    # Whether the numbers of a sample are 0 and 1: any number of labels.
    has_several_labels: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "name" in vars(cls):
            _defined[cls.name] = cls()

    @property
    def has_labels(self) -> bool:
        """Whether a sample has one class."""
        return self.has_classes and not self.is_dense

    @property
    def has_masks(self) -> bool:
        """Whether every position has a class."""
        return self.has_classes and self.is_dense

    @property
    def gives_signals(self) -> bool:
        """Whether the output is a signal of the sample's size."""
        return self.is_dense and not self.has_classes

    @property
    def has_numbers(self) -> bool:
        """Whether a sample has one number or several, which are no classes."""
        return not self.has_classes and not self.is_dense

    @abstractmethod
    def target_shape(self, num_classes: int, spatial_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the target of one sample."""

    def check_output(
        self, out_shape: tuple[int, ...], in_shape: tuple[int, ...], num_classes: int
    ) -> None:
        """Check the output shape of a network for one sample.

        Raises:
            InfeasibleError: the shape does not suit the task.
        """
        expected = (num_classes, *in_shape[1:]) if self.is_dense else (num_classes,)
        if out_shape != expected:
            raise InfeasibleError(
                f"a net for {self.name} must return {shape_text(expected)} a sample, but returns"
                f" {shape_text(out_shape)}; set its output from the data, or take another net"
            )

    def as_trained(self, model: Any) -> "Task":
        """Return the task with what a trained model adds to it, such as thresholds."""
        return self

    def check_targets(self, samples: "Samples", info: "DataInfo", part: str) -> None:
        """Check the targets of a part that are numbers and finite.

        Raises:
            UserError: they do not suit the task, with the names of samples.
        """
        return

    def strata(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """Return the labels (N,) by which targets are stratified, None if there are none."""
        return y if self.has_labels else None

    def count_targets(self, train: "Samples", info: "DataInfo") -> NDArray[np.int64]:
        """Return how many samples of the training part each number or channel has (num_classes,);
        classes are counted elsewhere.

        Raises:
            UserError: there is nothing to learn from these targets.
        """
        return np.full(info.num_classes, len(train))

    def columns(self, info: "DataInfo") -> list[str]:
        """Return the columns of `predictions.csv`, after the sample and (if `is_dense`) the file of
        the result.
        """
        return [] if self.is_dense else list(info.class_names)

    def cells(self, info: "DataInfo", result: NDArray[Any]) -> list[str]:
        """Return the values of `columns` for the result of one sample, (num_classes,) or on the
        sample's grid.
        """
        return [] if self.is_dense else [f"{value:.6f}" for value in result]

    def shares(self, info: "DataInfo", result: NDArray[Any]) -> NDArray[Any]:
        """Return the share of each class in a sample (num_classes,); zeros without classes."""
        return np.zeros(info.num_classes)

    def summary(self, info: "DataInfo", shares: NDArray[Any], count: int) -> str:
        """Return the text after the number of samples in the terminal, from the sum of all
        `shares`.
        """
        return ""

    def shown_columns(self) -> Sequence[int]:
        """Return the indices of the columns of `predictions.csv` to show in the terminal; missing
        ones are left out.
        """
        return range(1 + SHOWN_COLUMNS)

    def answer_columns(self, info: "DataInfo") -> list[str]:
        """Return the columns of an evaluation's `samples.csv` after the sample and its loss."""
        return []

    def answers(self, info: "DataInfo", logits: "Tensor", y: "Tensor") -> list[list[str]]:
        """Return the values of `answer_columns` for each sample of a batch."""
        return []

    def rows(self, info: "DataInfo", outputs: "Tensor", y: "Tensor") -> list[Row]:
        """Return the table of an evaluation, one row for each number, from the outputs and targets
        of all samples (N, num_classes) where `has_numbers`; the last column tells good from bad.
        """
        return []

    def figures(self, info: "DataInfo", outputs: "Tensor", y: "Tensor") -> dict[str, "Figure"]:
        """Return pictures of the outputs and targets of all samples (N, num_classes) where
        `has_numbers`, by the name of the file without its ending.
        """
        return {}

    def picture(self, x: NDArray[Any], y: NDArray[Any], logits: "Tensor", name: str) -> Any:
        """Return what `draw` needs of one sample, or None to draw nothing."""
        return None

    def samples_figure(self, pictures: Sequence[Any], info: "DataInfo") -> "Figure | None":
        """Return a figure of some validation samples where `has_numbers`, None to draw nothing."""
        return None

    def draw(self, pictures: Sequence[Any], info: "DataInfo", folder: Path) -> None:
        """Write pictures of samples to the folder of an evaluation, such as `worst.png`."""
        return


def known_tasks() -> list[str]:
    """Return the names of the tasks in `convsweep/tasks/` and of other imported tasks."""
    files = pkgutil.iter_modules(import_module(PACKAGE).__path__)
    return sorted({*_defined, *(each.name for each in files)})


def find_task(name: str) -> Task:
    """Return the task with a name, importing its file in `convsweep/tasks/` if necessary.

    Raises:
        UserError: there is none.
    """
    if name not in _defined and name in known_tasks():
        import_module(f"{PACKAGE}.{name}")
    if name not in _defined:
        raise UserError(
            f"a task must be one that is defined, but is {name!r};"
            f" {did_you_mean(name, known_tasks())}"
        )
    return _defined[name]
