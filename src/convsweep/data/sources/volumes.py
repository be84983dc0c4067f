"""Volumes of balls, boxes, tubes and rings in random orientations with noise, generated from a
seed: no download.
"""

from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from convsweep.data.datamodule import DataModule
from convsweep.data.options import LoadingOptions
from convsweep.data.samples import DataInfo, Parts, Samples, number_names
from convsweep.data.sources.synthetic import (
    check_task,
    draws,
    part_sizes,
    target_names,
    targets_of,
)
from convsweep.errors import UserError
from convsweep.task import CLASSIFICATION, MULTI_LABEL, REGRESSION, SEGMENTATION

SHAPES = ("ball", "box", "tube", "ring")
CLASSES = ("background", *SHAPES)
# Below, no shape fits.
SMALLEST_VOLUME = 16
# Bounds of the difference of a shape to the background, of 255.
CONTRAST = (40, 90)
# Standard deviation, of 255.
NOISE = 20.0
# Shapes drawn for a volume, of which those that overlap others are left out.
TRIES = 20

Points = NDArray[np.float64]


class Volumes(DataModule):
    """Grey volumes: one shape and its kind as the label, or several with a mask of background and
    four kinds.

    Args:
        task: `segmentation`: several shapes and their mask; `classification`: one shape and its
            kind; `multi_label`: the kinds of several shapes; `regression`: of several shapes the
            covered part in percent, and the number of kinds.
        volume_size: depth, height and width.
        num_train, num_val, num_test: volumes of each part.
        max_shapes: a volume holds 1 to `max_shapes` shapes, for classification one.
        volume_seed: seed of the volumes; volume i does not depend on the number of volumes.
    """

    def __init__(
        self,
        task: str = SEGMENTATION,
        volume_size: int = 32,
        num_train: int = 200,
        num_val: int = 40,
        num_test: int = 80,
        max_shapes: int = 4,
        volume_seed: int = 0,
        **loading: Unpack[LoadingOptions],
    ) -> None:
        super().__init__(**loading)
        if volume_size < SMALLEST_VOLUME:
            raise UserError(
                f"data.volume_size must be at least {SMALLEST_VOLUME} to hold a shape, but is"
                f" {volume_size}."
            )
        if max_shapes < 1:
            raise UserError(f"data.max_shapes must be at least 1, but is {max_shapes}.")
        self.task, self.volume_size, self.volume_seed = task, volume_size, volume_seed
        check_task(task, (SEGMENTATION, CLASSIFICATION, MULTI_LABEL, REGRESSION))
        self.max_shapes = 1 if task == CLASSIFICATION else max_shapes
        self.num_volumes = part_sizes(num_train, num_val, num_test)

    def describe(self) -> DataInfo:
        names = SHAPES if self.task == CLASSIFICATION else target_names(self.task, CLASSES)
        return DataInfo((1, *[self.volume_size] * 3), len(names), names, self.task)

    def read(self) -> Parts:
        return self.draw("train"), self.draw("val"), self.draw("test")

    def draw(self, part: str) -> Samples:
        """Return the volumes of one part."""
        count = self.num_volumes[part]
        x = np.empty((count, 1, *[self.volume_size] * 3), np.uint8)
        masks = np.empty((count, *[self.volume_size] * 3), np.uint8)
        for i, rng in enumerate(draws(self.volume_seed, part, count)):
            x[i, 0], masks[i] = volume(rng, self.volume_size, self.max_shapes)
        if self.task == CLASSIFICATION:
            y = masks.reshape(count, -1).max(axis=1).astype(np.int64) - 1
        else:
            y = targets_of(self.task, masks, len(CLASSES))
        return Samples(x, y, number_names(part, count))


def volume(
    rng: np.random.Generator, size: int, max_shapes: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return one volume and its mask, (size, size, size) each.

    Shapes differ in brightness from the background and from each other and do not touch; a smooth
    gradient of brightness and noise are added.
    """
    grid = np.stack(np.meshgrid(*[np.arange(size, dtype=np.float64)] * 3, indexing="ij"), axis=-1)
    mask = np.zeros((size, size, size), np.uint8)
    values = rng.uniform(100, 155) + (grid / size - 0.5) @ rng.uniform(-30, 30, 3)
    wanted = int(rng.integers(1, max_shapes + 1))
    for _ in range(TRIES):
        kind = int(rng.integers(len(SHAPES)))
        inside = shape(rng, SHAPES[kind], grid, size)
        if wanted and not mask[inside].any():
            mask[inside] = kind + 1
            values[inside] += rng.uniform(*CONTRAST) * rng.choice([-1, 1])
            wanted -= 1
    noisy = values + rng.normal(0, NOISE, values.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8), mask


def shape(rng: np.random.Generator, kind: str, grid: Points, size: int) -> NDArray[np.bool_]:
    """Return a mask of the points (*, 3) inside a shape of random size, place and direction."""
    radius = rng.uniform(size / 6, size / 4)
    centre = rng.uniform(radius, size - 1 - radius, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    points = (grid - centre) @ turn / radius
    along, across = np.abs(points[..., 0]), np.hypot(points[..., 1], points[..., 2])
    inside: NDArray[np.bool_]
    match kind:
        case "ball":
            inside = np.linalg.norm(points, axis=-1) <= 0.9
        case "box":
            inside = np.abs(points).max(axis=-1) <= 0.7
        case "tube":
            inside = (along <= 1.0) & (across >= 0.3) & (across <= 0.65)
        case "ring":
            inside = np.hypot(across - 0.75, along) <= 0.28
    return inside
