"""An example data set: `describe` states shape and classes, `read` returns the samples; everything
else is inherited.
"""

from typing import Any

import numpy as np

from convsweep.data.datamodule import DataModule
from convsweep.data.samples import DataInfo, Parts, Samples, number_names

SIZE = 16


class Shapes(DataModule):
    """Grey images of a disc, a square or a cross at a random place, with noise.

    Args:
        num_samples: number of images.
        noise: standard deviation of the noise; shapes are 1, the background is 0.
        loading: arguments of every data set: batch_size, val_fraction and more.
    """

    def __init__(self, num_samples: int, noise: float, **loading: Any) -> None:
        super().__init__(**loading)
        self.num_samples = num_samples
        self.noise = noise

    def describe(self) -> DataInfo:
        return DataInfo(
            in_shape=(1, SIZE, SIZE), num_classes=3, class_names=("disc", "square", "cross")
        )

    def read(self) -> Parts:
        random = np.random.default_rng(0)  # the same samples in every run and every trial
        y = np.arange(self.num_samples) % 3
        row, column = random.integers(4, SIZE - 4, (2, self.num_samples, 1, 1))
        down = np.abs(np.arange(SIZE)[:, None] - row)
        right = np.abs(np.arange(SIZE)[None, :] - column)
        disc, square = down**2 + right**2 <= 9, np.maximum(down, right) <= 2
        cross = (np.minimum(down, right) == 0) & (np.maximum(down, right) <= 3)
        x = np.choose(y[:, None, None], [disc, square, cross]) + random.normal(
            0, self.noise, (self.num_samples, SIZE, SIZE)
        )
        samples = Samples(
            x[:, None].astype(np.float32), y, number_names("shapes", self.num_samples)
        )
        return samples, None, None  # validation and test parts are split off
