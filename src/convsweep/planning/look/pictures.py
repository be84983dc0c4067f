"""Pictures of a look at the data: some samples of each class, and some that are at fault."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import Samples
from convsweep.pictures.captioned import Answered, draw_captioned
from convsweep.pictures.drawing import paint_classes
from convsweep.pictures.prediction import middle_slices, plane_of
from convsweep.planning.look.look import Look

SAMPLES, FAULTY = "samples.png", "faulty.png"
# Samples in a picture.
MOST = 12


def draw_look(data: DataModule, look: Look, folder: Path) -> None:
    """Write `samples.png`, and `faulty.png` if samples are at fault."""
    chosen = some_of_each_class(data)
    captions = [caption(data, data.train, i) for i in chosen]
    draw([answer_of(data, data.train, i) for i in chosen], captions, folder / SAMPLES)
    faulty = [(fault.kind, name) for fault in look.faults for name in fault.names[:4]][:MOST]
    places = {
        name: (part, i)
        for part in (data.train, data.val, data.test)
        if part is not None
        for i, name in enumerate(part.names)
    }
    found = [(kind, *places[name]) for kind, name in faulty if name in places]
    if found:
        shown = [answer_of(data, part, i) for _, part, i in found]
        words = [f"{kind}\n{caption(data, part, i)}" for kind, part, i in found]
        draw(shown, words, folder / FAULTY)


def draw(samples: Sequence[Answered], captions: Sequence[str], file: Path) -> None:
    """Write a grid of samples."""
    draw_captioned(samples, captions).savefig(file, dpi=80)


def some_of_each_class(data: DataModule) -> list[int]:
    """Return numbers of training samples: of each class in turn if samples have one, else evenly
    spaced.
    """
    count = len(data.train)
    if not data.info.kind.has_labels:
        return [int(i) for i in np.unique(np.linspace(0, count - 1, MOST).astype(int))]
    labels = np.asarray(data.train.y)
    members = [np.flatnonzero(labels == label).tolist() for label in np.unique(labels)]
    in_turn = [own[turn] for turn in range(MOST) for own in members if turn < len(own)]
    return in_turn[:MOST]


def answer_of(data: DataModule, part: Samples, number: int) -> Answered:
    """Return a sample for a drawing, painted with its mask if it has one."""
    x, y = np.asarray(part.x[number]), np.asarray(part.y[number])
    if data.info.kind.has_masks and x.ndim > 2:
        mask = middle_slices(y, fill=0) if x.ndim == 4 else y
        x = paint_classes(plane_of(x), mask).transpose(2, 0, 1)
    return Answered(x, part.names[number], y, y)


def caption(data: DataModule, part: Samples, number: int) -> str:
    """Return the class, labels or numbers of a sample."""
    kind, names = data.info.kind, data.info.class_names
    y = np.asarray(part.y[number])
    if kind.has_labels:
        return names[int(y)]
    if kind.has_numbers:
        return ", ".join(f"{name} {value:.3g}" for name, value in zip(names, y, strict=True))
    return ""
