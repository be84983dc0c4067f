"""A plan in numbers, and what led to it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from convsweep.planning.decisions import Decisions
from convsweep.planning.look.look import Look
from convsweep.planning.space import Dimension

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule


@dataclass
class Plan:
    """A plan in numbers, kept as `plan.json`.

    Args:
        data: what the data is, in one line.
        num_train, num_val, num_test: samples of each part; 0: there is none.
        has_classes: whether an answer is one class, not numbers or any number of labels.
        classes: names of classes, numbers or labels.
        answers: what the network answers, in words.
        window_overlap: share of a window that the next one overlaps, if samples are larger than
            what the network is trained on; None: they are not.
        monitor, mode: the metric that chooses epochs and trials, and `max` or `min`.
        samples_per_second: of the baseline in training, on one slot.
        epochs: of each training.
        steps, steps_on_all: of an epoch, and of one of the last training.
        longest_epochs: of the last training, on all data, if the time holds them; `epochs` if you
            chose them.
        fewest_epochs: below which no training is worth it; `epochs` if you chose them.
        validation_share: share of an epoch's time that its validation takes.
        left_out_augment: option of `data/augment` for the last training, if that has the epochs of
            the shortest recipe; the others are too short for it.
        seconds_per_training: of the baseline.
        watts: mean power of the machine while the baseline trains; None: not measured.
        num_trials: how many the search begins within its share of the budget.
        slots: trainings at a time, over all workers.
        max_macs: multiply-accumulates of the largest network to search; None: no limit, or the
            user's.
        feasible: share of random points of the space that can be trained.
        memory: bytes of a step of the baseline.
        checkpoint_bytes: of a trial's folder.
        num_folds: 0 for one split.
        has_groups: whether `data.group`, or the data itself, says which samples are alike.
        val_fraction: share of the samples that validates; None if the data has a part for it.
        data_fingerprint: of each file of the user's own.
        warnings: what makes scores doubtful, one sentence each.
        overrides: what the user gave.
    """

    data: str
    has_classes: bool
    num_train: int
    num_val: int
    num_test: int
    classes: list[str]
    monitor: str
    mode: str
    answers: str = ""
    window_overlap: float | None = None
    samples_per_second: float = 0.0
    epochs: int = 0
    steps: int = 0
    steps_on_all: int = 0
    longest_epochs: int = 0
    fewest_epochs: int = 0
    validation_share: float = 0.0
    left_out_augment: str | None = None
    seconds_per_training: float = 0.0
    watts: float | None = None
    num_trials: int = 0
    slots: int = 1
    max_macs: int | None = None
    feasible: float = 1.0
    memory: int = 0
    checkpoint_bytes: int = 0
    num_folds: int = 0
    has_groups: bool = False
    val_fraction: float | None = None
    data_fingerprint: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    overrides: list[str] = field(default_factory=list)


@dataclass
class Planned:
    """A plan with what led to it.

    Args:
        plan: in numbers.
        look: at the data.
        decisions: in the order in which they were made.
        space: of the search.
        data: as it was read.
    """

    plan: Plan
    look: Look
    decisions: Decisions
    space: list[Dimension]
    data: "DataModule"
