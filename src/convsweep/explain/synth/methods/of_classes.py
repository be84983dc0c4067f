"""Base of methods for images of classes: selection of classes, region, and probabilities of the
results.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from convsweep.errors import UserError, did_you_mean
from convsweep.explain.synth import pictures
from convsweep.explain.synth.components.objectives import log_probability, region
from convsweep.explain.synth.components.priors import log_total_variation
from convsweep.explain.synth.context import SynthesisContext, Watch
from convsweep.explain.synth.fitting_size import Work
from convsweep.explain.synth.subject import SynthSubject
from hydra_study import is_out_of_memory


@dataclass(frozen=True, kw_only=True)
class OfClasses(ABC):
    """A method that starts from random images near the mean and changes each into an image of a
    class.

    Attributes:
        what: for the progress bar.
        classes: names, or numbers from 0 that are no class's name; null: all.
        count: images a class.
        gaussian: Weight of the Gaussian prior, -(x - mean)' C^-1 (x - mean) / 2.
        tv: Weight of the total-variation prior.
        steps: number of steps.
        start_std: of the start, a draw from the Gaussian prior with its deviation from the mean
            scaled by `start_std`.
        jitter: largest shift of the image before every step, in positions.
        blur: of the image before every step, in positions.
        place, radius: for segmentation, the target region of the class, as shares of the size;
            null: everywhere.
    """

    what: ClassVar[str]

    classes: Sequence[int | str] | None = None
    count: int = 1
    gaussian: float
    tv: float = 0.0
    steps: int
    start_std: float = 0.1
    jitter: int = 1
    blur: float = 0.0
    place: Sequence[float] | None = None
    radius: float = 0.15

    @abstractmethod
    def change(
        self, start: Tensor, classes: Tensor, context: SynthesisContext, watch: Watch
    ) -> Tensor:
        """Return the starts (N, C, *spatial) changed into images of classes (N,)."""

    def run(self, context: SynthesisContext) -> dict[str, Any]:
        """Make the images, write them, and return the probability of each.

        Raises:
            UserError: there is no such class, or the task has no classes.
        """
        if self.count < 1:
            raise UserError(f"method.count must be >= 1, but is {self.count}")
        classes = class_indices(self.classes, context.subject).repeat(self.count)
        check_place(self.place, self.radius, context)
        context.check_memory(context.image_size(), Work(len(classes)))
        check_size(context)
        start = context.subject.gaussian.color(
            context.noise(len(classes), context.image_size(), self.start_std)
        )
        with context.watch(self.what, self.steps) as watch:
            images = self.change(start, classes, context, watch)
        with torch.no_grad():
            probs = self.log_class(context.subject, images, classes).exp().tolist()
        return publish(images, classes, probs, context)

    def log_class(self, subject: SynthSubject, u: Tensor, classes: Tensor) -> Tensor:
        """Return log p(class | x) of each image (N,)."""
        return log_probability(subject, u, classes, self.place, self.radius)

    def log_prior(self, subject: SynthSubject, u: Tensor) -> Tensor:
        """Return log p(x) of each image (N,), up to a constant."""
        return self.gaussian * subject.gaussian.log_density(u) + self.tv * log_total_variation(u)


def class_indices(classes: Sequence[int | str] | None, subject: SynthSubject) -> Tensor:
    """Return classes given by name or number as indices (N,); a number that is a class's name
    counts as the name.

    Raises:
        UserError: there is no such class, or the task has no classes.
    """
    if not subject.task.has_classes:
        raise UserError(
            "classes are maximised in a classifier or a segmentation, "
            f"but this network is for {subject.task.name}; use method=dream"
        )
    names = list(subject.class_names)
    if classes is None:
        return torch.arange(len(names), device=subject.device)
    for name in classes:
        if str(name) not in names and not (isinstance(name, int) and 0 <= name < len(names)):
            raise UserError(
                f"method.classes must be names or numbers of classes, but there is no {name!r};"
                f" {did_you_mean(str(name), names)}"
            )
    numbers = [names.index(str(name)) if str(name) in names else int(name) for name in classes]
    return torch.tensor(numbers, device=subject.device)


def check_place(place: Sequence[float] | None, radius: float, context: SynthesisContext) -> None:
    """Check `place` before the synthesis.

    Raises:
        UserError: it is invalid, or the network has no output at positions.
    """
    if place is None:
        return
    if not context.subject.task.has_masks:
        raise UserError(
            "method.place is for segmentation, but this network gives one class a sample; leave"
            " it out"
        )
    region(context.image_size(), place, radius)


@torch.no_grad()
def check_size(context: SynthesisContext) -> None:
    """Check that the network accepts images of the requested size.

    Raises:
        UserError: it does not.
    """
    subject, size = context.subject, context.image_size()
    if size == subject.in_shape[1:]:
        return
    try:
        subject.logits(torch.zeros(1, subject.in_shape[0], *size, device=subject.device))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise UserError(
            f"size must get through the network, but {size} does not: {error}; leave it out for"
            f" {subject.in_shape[1:]}"
        ) from None


def publish(
    images: Tensor, classes: Tensor, probs: Sequence[float], context: SynthesisContext
) -> dict[str, Any]:
    """Write the images and a grid of all, and return their record."""
    subject = context.subject
    names = [subject.class_names[index] for index in classes.tolist()]
    files = [
        pictures.save(image, subject, context.folder, stem(index, name, earlier)).name
        for image, index, name, earlier in zip(
            images, classes.tolist(), names, counted_before(names), strict=True
        )
    ]
    pictures.save_grid(
        list(images),
        [f"{name} {prob:.2f}" for name, prob in zip(names, probs, strict=True)],
        subject,
        context.folder / "grid.png",
    )
    result = [
        {"class": name, "file": file, "probability": prob}
        for name, file, prob in zip(names, files, probs, strict=True)
    ]
    return {"images": result, "samples": images, "classes": classes}


def stem(index: int, name: str, earlier: int) -> str:
    """Return the file name of a class's image, with `earlier` images of the class before it."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"{index:03}_{plain}" + (f"_{earlier}" if earlier else "")


def counted_before(names: Sequence[str]) -> list[int]:
    """Return the number of earlier occurrences of each name."""
    return [names[:place].count(name) for place, name in enumerate(names)]
