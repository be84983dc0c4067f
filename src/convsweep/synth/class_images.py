"""Images that maximise a class: gradient ascent on log p(class | x) + log p(x) (Simonyan et al. 2014)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from convsweep.errors import UserError, did_you_mean
from convsweep.synth import pictures
from convsweep.synth.ascent import ascend
from convsweep.synth.objectives import log_probability, region
from convsweep.synth.priors import log_gaussian, log_total_variation
from convsweep.synth.studio import Studio
from convsweep.synth.subject import Subject
from convsweep.synth.transforms import compose


@dataclass(frozen=True)
class ClassImages:
    """One image a class that the network is as sure of as the priors allow.

    Attributes:
        classes: Names or numbers; null takes all.
        gaussian: Weight of the Gaussian prior, -|x|^2 / 2 in units of the data's standard deviation.
        tv: Weight of the total-variation prior.
        steps: Of gradient ascent.
        lr: Step size of Adam.
        start_std: Standard deviation of the noise that is begun with.
        jitter: The image is rolled by up to so many positions in front of every step.
        blur: And blurred by so many positions.
        place, radius: Of a segmentation: where the class is to be, as shares of the size; null is everywhere.
    """

    classes: Sequence[int | str] | None = None
    gaussian: float = 0.05
    tv: float = 0.05
    steps: int = 300
    lr: float = 0.05
    start_std: float = 0.1
    jitter: int = 1
    blur: float = 0.0
    place: Sequence[float] | None = None
    radius: float = 0.15

    def run(self, studio: Studio) -> dict[str, Any]:
        """Make the images, write them, and return how sure the network is of each.

        Raises:
            UserError: there is no such class, or the network is no classifier.
        """
        subject = studio.subject
        classes = class_indices(self.classes, subject)
        check_place(self.place, self.radius, studio)
        start = studio.noise(len(classes), studio.image_size(), self.start_std)
        with studio.watch("class images", self.steps) as watch:
            images = self.maximise(start, classes, studio, watch)
        return publish(images, classes, studio, self.place, self.radius)

    def maximise(self, start: Tensor, classes: Tensor, studio: Studio, watch: Any) -> Tensor:
        """Return the images (N, C, *spatial) of classes (N,)."""
        transform = compose(self.jitter, self.blur, studio.generator)

        def objective(u: Tensor) -> Tensor:
            of_class = log_probability(studio.subject, transform(u), classes, self.place, self.radius)
            return of_class + self.gaussian * log_gaussian(u) + self.tv * log_total_variation(u)

        return ascend(studio.parameterization(start, studio.subject), objective, self.steps, self.lr, watch)


def class_indices(classes: Sequence[int | str] | None, subject: Subject) -> Tensor:
    """Return classes that are named or numbered as indices (N,).

    Raises:
        UserError: there is no such class, or the network tells no classes apart.
    """
    if subject.task == "denoising":
        raise UserError(
            "classes are maximised in a classifier or a segmentation, but this network cleans signals; use method=dream"
        )
    names = list(subject.class_names)
    chosen = list(range(len(names))) if classes is None else list(classes)
    for name in chosen:
        if str(name) not in names and not (isinstance(name, int) and 0 <= name < len(names)):
            raise UserError(
                f"method.classes must be names or numbers of classes, but there is no {name!r}; {did_you_mean(str(name), names)}"
            )
    numbers = [name if isinstance(name, int) else names.index(name) for name in chosen]
    return torch.tensor(numbers, device=subject.device)


def check_place(place: Sequence[float] | None, radius: float, studio: Studio) -> None:
    """Check a place before anything runs.

    Raises:
        UserError: it is none, or the network does not answer at places.
    """
    if place is None:
        return
    if studio.subject.task != "segmentation":
        raise UserError("method.place is for segmentation, but this network gives one class a sample; leave it out")
    region(studio.image_size(), place, radius)


@torch.no_grad()
def publish(images: Tensor, classes: Tensor, studio: Studio, place: Sequence[float] | None, radius: float) -> dict[str, Any]:
    """Write the images with a grid of all, and return how sure the network is of each."""
    subject = studio.subject
    probs = log_probability(subject, images, classes, place, radius).exp().tolist()
    names = [subject.class_names[index] for index in classes.tolist()]
    files = [
        pictures.save(image, subject, studio.folder, f"{index:03}_{plain(name)}").name
        for image, index, name in zip(images, classes.tolist(), names, strict=True)
    ]
    pictures.save_grid(
        list(images), [f"{name} {prob:.2f}" for name, prob in zip(names, probs, strict=True)], subject, studio.folder / "grid.png"
    )
    result = [{"class": name, "file": file, "probability": prob} for name, file, prob in zip(names, files, probs, strict=True)]
    return {"images": result, "samples": images, "classes": classes}


def plain(name: str) -> str:
    """Return a class's name as part of a file's name."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
