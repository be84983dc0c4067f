"""Gaussian of a network's training data, which is read again from the place in its checkpoint."""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from convsweep.cli.console import say
from convsweep.data.loading.order import Batch
from convsweep.errors import UserError
from convsweep.explain.synth.components.gaussian import Gaussian, fit_gaussian, white
from convsweep.explain.synth.early_check import Covariance
from convsweep.explain.synth.pictures import size_of
from convsweep.explain.synth.subject import SynthSubject
from convsweep.training.build import data_module
from convsweep.training.trained import Trained

Size = int | Sequence[int] | None

# Values a sample up to which many samples are used.
DENSE = 4096
MANY, FEW = 10_000, 2_000
MOST_VALUES = 10**8


def gaussian_of(
    subject: SynthSubject, trained: Trained, covariance: Covariance, size: Size
) -> Gaussian:
    """Return the Gaussian for `covariance`: `data`, `white`, or `auto` for data if it can be read.

    Args:
        size: of the images to synthesise.

    Raises:
        UserError: the data cannot be read.
    """
    own_size = size_of(size, subject.dim, subject.in_shape[1:]) == subject.in_shape[1:]
    if covariance == "white" or (covariance == "auto" and not own_size):
        return white()
    try:
        return fit_gaussian(subject.units(training_samples(trained).to(subject.device)))
    except UserError as error:
        if covariance == "auto":
            say(f"covariance=white is used, since the data of the training cannot be read: {error}")
            return white()
        raise UserError(
            f"covariance=data needs the data of the training: {error} (or use covariance=white)"
        ) from None


def training_samples(trained: Trained) -> Tensor:
    """Return raw training samples (N, C, *spatial) for a covariance, neither augmented nor
    permuted.

    Raises:
        UserError: the data cannot be read, or has changed.
    """
    data = data_module(trained.data)
    data.setup()
    if data.info.in_shape != trained.info.in_shape:
        raise UserError(
            f"samples are now of {data.info.in_shape}, but the network was trained on"
            f" {trained.info.in_shape}"
        )
    reader = data.gather(data.train, training=True)
    reader.augment, reader.positions = None, None
    values = int(np.prod(data.info.in_shape))
    count = min(len(reader), MANY if values <= DENSE else FEW, max(2, MOST_VALUES // values))
    chosen = np.random.default_rng(0).permutation(len(reader))[:count]
    x, _y = reader[Batch(np.sort(chosen), (0,))]
    return x.float()
