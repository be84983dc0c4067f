"""Scenes: handwritten digits of random size and colour on cluttered backgrounds, generated from a
seed: no download.
"""

from typing import TYPE_CHECKING, Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.data.sources.digits import CLASS_NAMES, load_digits
from convsweep.data.sources.synthetic import (
    check_task,
    draws,
    part_sizes,
    target_names,
    targets_of,
)
from convsweep.data.splits import stratified_split
from convsweep.errors import UserError
from convsweep.task import MULTI_LABEL, REGRESSION, SEGMENTATION

if TYPE_CHECKING:
    from PIL.Image import Image

CLASSES = ("background", *CLASS_NAMES)
# Below, no digit fits.
SMALLEST_IMAGE = 32
INK_OF_MASK = 128  # a pixel with at least half of the full intensity belongs to the digit
# Smallest difference of a digit's brightness to the background, of 255.
CONTRAST = 90
# Standard deviation, of 255.
NOISE = 24


class Scenes(DataModule):
    """Scenes of several digits. No digit is in two parts.

    Args:
        task: `segmentation`: a mask of 11 classes, background and 0 to 9; `multi_label`: the digits
            that occur; `regression`: the covered part in percent, and the number of kinds of
            digits.
        image_size: height and width.
        num_train, num_val, num_test: scenes of each part.
        max_digits: a scene holds 1 to `max_digits` digits.
        scene_seed: seed of the scenes; scene i does not depend on the number of scenes.
    """

    def __init__(
        self,
        task: str = SEGMENTATION,
        image_size: int = 64,
        num_train: int = 1000,
        num_val: int = 100,
        num_test: int = 200,
        max_digits: int = 4,
        scene_seed: int = 0,
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        if image_size < SMALLEST_IMAGE:
            raise UserError(
                f"data.image_size must be at least {SMALLEST_IMAGE} to hold a digit, but is"
                f" {image_size}."
            )
        if max_digits < 1:
            raise UserError(f"data.max_digits must be at least 1, but is {max_digits}.")
        check_task(task, (SEGMENTATION, MULTI_LABEL, REGRESSION))
        self.task = task
        self.image_size, self.max_digits, self.scene_seed = image_size, max_digits, scene_seed
        self.num_scenes = part_sizes(num_train, num_val, num_test)

    def describe(self) -> DataInfo:
        names = target_names(self.task, CLASSES)
        return DataInfo((3, self.image_size, self.image_size), len(names), names, self.task)

    def read(self) -> Parts:
        images, labels = load_digits()
        test, val, train = stratified_split(
            number_names("digits", len(labels)), labels, [0.2, 0.1], split_seed=0
        )
        train_part, val_part, test_part = (
            self.draw(part, images[own, 0], labels[own])
            for part, own in (("train", train), ("val", val), ("test", test))
        )
        return train_part, val_part, test_part

    def draw(self, part: str, digits: NDArray[np.uint8], labels: NDArray[np.int64]) -> Samples:
        """Return the scenes of one part, composed of its own digits."""
        count, size = self.num_scenes[part], self.image_size
        x = np.empty((count, 3, size, size), np.uint8)
        y = np.empty((count, size, size), np.uint8)
        for i, rng in enumerate(draws(self.scene_seed, part, count)):
            x[i], y[i] = scene(rng, size, self.max_digits, digits, labels)
        return Samples(x, targets_of(self.task, y, len(CLASSES)), number_names(part, count))


def scene(
    rng: np.random.Generator,
    size: int,
    max_digits: int,
    digits: NDArray[np.uint8],
    labels: NDArray[np.int64],
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return one scene and its mask.

    Shape:
        (3, size, size), (size, size)
    """
    from PIL import Image

    image = ground(rng, size)
    mask = np.zeros((size, size), np.uint8)
    for _ in range(rng.integers(1, max_digits + 1)):
        height = int(rng.integers(size // 4, size // 2 + 1))
        top, left = rng.integers(0, size - height + 1, 2).tolist()
        choice = int(rng.integers(len(digits)))
        place = mask[top : top + height, left : left + height]
        if place.any():
            continue  # digits do not overlap
        ink = Image.fromarray(digits[choice]).resize((height, height), Image.Resampling.BICUBIC)
        box = (left, top, left + height, top + height)
        image.paste(color_against(rng, image.crop(box)), box, ink)
        place[np.asarray(ink) >= INK_OF_MASK] = labels[choice] + 1
    noise = rng.integers(-NOISE, NOISE + 1, (size, size, 3), np.int8)
    noisy = np.clip(np.asarray(image, np.int16) + noise, 0, 255).astype(np.uint8)
    return noisy.transpose(2, 0, 1), mask


def ground(rng: np.random.Generator, size: int) -> "Image":
    """Return a background: gradients between random colours with blobs and strokes."""
    from PIL import Image, ImageDraw

    corners = rng.integers(40, 216, (3, 3, 3), np.uint8)
    image = Image.fromarray(corners).resize((size, size), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 6)):
        x, y = rng.uniform(0, size, 2).tolist()
        width, height = rng.uniform(size / 24, size / 8, 2).tolist()
        pen.ellipse((x - width, y - height, x + width, y + height), fill=color(rng))
    for _ in range(rng.integers(3, 9)):
        x, y = rng.uniform(0, size, 2).tolist()
        dx, dy = rng.normal(0, size / 6, 2).tolist()
        pen.line(
            (x, y, x + dx, y + dy),
            fill=color(rng),
            width=int(rng.integers(1, max(2, size // 24) + 1)),
        )
    return image


def color(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def color_against(rng: np.random.Generator, surroundings: "Image") -> tuple[int, int, int]:
    """Return a colour that is clearly brighter or darker than the mean of its surroundings."""
    grey = float(np.asarray(surroundings.convert("L")).mean())
    for _ in range(32):
        red, green, blue = color(rng)
        if abs(0.299 * red + 0.587 * green + 0.114 * blue - grey) >= CONTRAST:
            return red, green, blue
    return (0, 0, 0) if grey > 127 else (255, 255, 255)
