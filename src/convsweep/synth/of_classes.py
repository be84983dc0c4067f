"""What every method that makes an image a class shares: which classes, where, and how sure the network is of the result."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from convsweep.errors import UserError, did_you_mean
from convsweep.out_of_memory import is_out_of_memory
from convsweep.synth import pictures
from convsweep.synth.objectives import log_probability, region
from convsweep.synth.studio import Studio, Watch
from convsweep.synth.subject import Subject


class OfClasses(Protocol):
    """The options that such methods share."""

    @property
    def classes(self) -> Sequence[int | str] | None: ...
    @property
    def count(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def start_std(self) -> float: ...
    @property
    def place(self) -> Sequence[float] | None: ...
    @property
    def radius(self) -> float: ...


def make_images(
    method: OfClasses, what: str, studio: Studio, change: Callable[[Tensor, Tensor, Studio, Watch], Tensor]
) -> dict[str, Any]:
    """Begin with draws near the mean, let the method change them, write them, and return how sure the network is of each.

    Args:
        what: in words, for the progress.
        change: from starts (N, C, *spatial) and classes (N,) to images.

    Raises:
        UserError: there is no such class, or the network is no classifier.
    """
    if method.count < 1:
        raise UserError(f"method.count must be >= 1, but is {method.count}")
    classes = class_indices(method.classes, studio.subject).repeat(method.count)
    check_place(method.place, method.radius, studio)
    check_size(studio)
    start = studio.subject.gaussian.color(studio.noise(len(classes), studio.image_size(), method.start_std))
    with studio.watch(what, method.steps) as watch:
        images = change(start, classes, studio, watch)
    return publish(images, classes, studio, method.place, method.radius)


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
def check_size(studio: Studio) -> None:
    """Check that images of the size that is asked for get through the network.

    Raises:
        UserError: they do not.
    """
    subject, size = studio.subject, studio.image_size()
    if size == subject.in_shape[1:]:
        return
    try:
        subject.logits(torch.zeros(1, subject.in_shape[0], *size, device=subject.device))
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        raise UserError(
            f"size must get through the network, but {size} does not: {error}; leave it out for {subject.in_shape[1:]}"
        ) from None


@torch.no_grad()
def publish(images: Tensor, classes: Tensor, studio: Studio, place: Sequence[float] | None, radius: float) -> dict[str, Any]:
    """Write the images with a grid of all, and return how sure the network is of each."""
    subject = studio.subject
    probs = log_probability(subject, images, classes, place, radius).exp().tolist()
    names = [subject.class_names[index] for index in classes.tolist()]
    files = [
        pictures.save(image, subject, studio.folder, stem(index, name, earlier)).name
        for image, index, name, earlier in zip(images, classes.tolist(), names, counted_before(names), strict=True)
    ]
    pictures.save_grid(
        list(images), [f"{name} {prob:.2f}" for name, prob in zip(names, probs, strict=True)], subject, studio.folder / "grid.png"
    )
    result = [{"class": name, "file": file, "probability": prob} for name, file, prob in zip(names, files, probs, strict=True)]
    return {"images": result, "samples": images, "classes": classes}


def stem(index: int, name: str, earlier: int) -> str:
    """Return what the file of a class's image is called, `earlier` images of the class before it."""
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    return f"{index:03}_{plain}" + (f"_{earlier}" if earlier else "")


def counted_before(names: Sequence[str]) -> list[int]:
    """Return of each name how often it came before."""
    return [names[:place].count(name) for place, name in enumerate(names)]
