"""The data of a training in a few lines: samples of each part, classes, steps, memory, and what
makes scores doubtful.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from convsweep.cost import in_bytes
from convsweep.data.statistics import count_classes

if TYPE_CHECKING:
    from convsweep.data.datamodule import DataModule

WARNING = "warning: "
# Fewer than these are said to be few.
FEW_VALIDATION, FEW_STEPS, FEW_OF_A_CLASS = 30, 5, 5


def summary_lines(data: "DataModule", memory: int | None, free: int, device: str) -> list[str]:
    """Return the lines about data and step, warnings last.

    Args:
        data: set up, with its trainer.
        memory: estimated bytes of a training step; None if unknown.
        free: bytes on the device.
        device: name of what trains.
    """
    order = data.train_order(data.num_train_items)
    again = f" in {order.passes} passes over the samples" if order.passes > 1 else ""
    step = (
        ""
        if memory is None
        else f"; a step of {data.loading['batch_size']} takes about {in_bytes(memory)}"
        f" of {in_bytes(free)} free"
    )
    return [
        f"data: {', '.join(part_texts(data))}{class_text(data)}",
        f"{len(order)} steps an epoch{again}{step} on {device}",
        *(f"{WARNING}{text}" for text in warnings_of(data, order.pass_batches, memory, free)),
    ]


def part_texts(data: "DataModule") -> list[str]:
    """Return the number of samples of each part in words."""
    val = "" if data.val is data.train else f"{len(data.val):,} validation"
    if val and data.loading["train_on_val"]:
        val = f"of which {val} (val/... are scores of what is trained on)"
    test = "" if data.test is None else f"{len(data.test):,} test samples"
    return [text for text in (f"{len(data.train):,} training", val, test or "no test part") if text]


def class_text(data: "DataModule") -> str:
    """Return the number of classes, and the smallest one of samples, in words."""
    if not data.info.kind.has_classes:
        return ""
    said = f"; {data.info.num_classes} classes"
    if not data.info.kind.has_labels:
        return said
    smallest = int(np.argmin(data.class_counts))
    return (
        f"{said}, the smallest in training {data.info.class_names[smallest]} with"
        f" {data.class_counts[smallest]:,}"
    )


def warnings_of(
    data: "DataModule", pass_steps: int, memory: int | None, free: int
) -> Iterator[str]:
    """Yield what makes scores doubtful or the training fail, a sentence each.

    Args:
        data: set up.
        pass_steps: steps of one pass over the training samples.
        memory: estimated bytes of a training step; None if unknown.
        free: bytes on the device.
    """
    if data.val is data.train:
        yield (
            "validation is on the training samples, so val/... are scores of what was trained on;"
            " set data.val_fraction, or data.num_folds for few samples"
        )
    elif len(data.val) < FEW_VALIDATION:
        yield (
            f"{len(data.val)} validation samples are few: one is {1 / len(data.val):.0%} of a"
            f" score, so networks and epochs can hardly be told apart; {more_validation(data)}"
        )
    if pass_steps < FEW_STEPS:
        yield (
            f"a pass over the training samples has {pass_steps}"
            f" step{'s' if pass_steps > 1 else ''}; a smaller data.batch_size has more"
        )
    yield from class_warnings(data)
    if memory is not None and memory > free:
        yield (
            f"a training step takes about {in_bytes(memory)}, but {in_bytes(free)} are free; use a"
            " smaller data.batch_size with trainer.accumulate_grad_batches, or a smaller net"
        )


def more_validation(data: "DataModule") -> str:
    """Return how to validate on more samples."""
    num_folds = data.loading["num_folds"]
    folds = f"data.fold={','.join(map(str, range(num_folds or 5)))} (-m)"
    if num_folds is not None:
        return f"all in turn by {folds}"
    return f"more by data.val_fraction, or all in turn by data.num_folds=5 {folds}"


def class_warnings(data: "DataModule") -> Iterator[str]:
    """Yield a sentence about classes with few samples, and about those that a part lacks."""
    if not data.info.kind.has_labels:
        return
    names = data.info.class_names
    parts = {"training": data.train, "validation": data.val, "test": data.test}
    for part, samples in parts.items():
        if samples is None or (part == "validation" and samples is data.train):
            continue
        counts = count_classes(samples.y, data.info.num_classes)
        missing = [name for name, count in zip(names, counts, strict=True) if count == 0]
        few = [
            name for name, count in zip(names, counts, strict=True) if 0 < count < FEW_OF_A_CLASS
        ]
        if missing:
            yield f"the {part} part has no sample of {first_names(missing)}"
        if few and part == "training":
            yield (
                f"fewer than {FEW_OF_A_CLASS} training samples of {first_names(few)}: too few to"
                " learn from; add some, or leave the class out"
            )


def first_names(names: list[str]) -> str:
    """Return the first five names."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more
