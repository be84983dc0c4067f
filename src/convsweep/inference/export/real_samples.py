"""Real samples for the check of an export: the user's files, or handwritten digits resized to the
network's shape.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from convsweep.data.files.audio import Recording
from convsweep.data.files.images import UnfitFileError
from convsweep.data.files.resampling import Resampled
from convsweep.data.sources.digits import load_digits
from convsweep.errors import UserError
from convsweep.inference.predict.formats import Formats, Reading
from convsweep.inference.predict.inputs import find_files
from convsweep.nets.blocks import LINEAR_UPSAMPLE

if TYPE_CHECKING:
    from convsweep.data.samples import DataInfo
    from convsweep.training.trained import Trained

Samples = NDArray[np.float32]


def samples_of_files(trained: "Trained", named: Sequence[Path], count: int) -> Samples:
    """Return up to `count` samples of files, those with the network's size after reading;
    recordings are cut to it.

    Shape:
        (N, C, *spatial)

    Raises:
        UserError: no file has such a sample.
    """
    formats = Formats(trained, Reading(fit="stretch" if trained.is_dense else "auto"))
    found: list[NDArray[np.float32]] = []
    reasons: list[str] = []
    for file in find_files(named):
        try:
            rows = [
                row
                for sample in formats.of(file).read(file)
                for row in rows_of(sample.x, trained.info, count)
            ]
        except UnfitFileError as error:
            reasons.append(f"{file} ({error.detail})")
            continue
        found += [row for row in rows if row.shape == trained.info.in_shape]
        if len(found) >= count:
            break
    if not found:
        shape = "x".join(map(str, trained.info.in_shape))
        reason = f": {reasons[0]}" if reasons else ""
        raise UserError(
            f"samples to check the export with must be {shape}, but no file gives one{reason}; name"
            " others or none"
        )
    return np.stack(found[:count])


def rows_of(x: Any, info: "DataInfo", count: int) -> list[Samples]:
    """Return the inputs from a file's sample: itself, or the first `count` pieces of a recording at
    the network's sample rate.

    For a network with one channel every channel is a separate input.
    """
    if not isinstance(x, Recording):
        return [np.asarray(x, np.float32)]
    channels, length = info.in_shape
    at_own_rate = Resampled(x, x.sample_rate_hz, info.sample_rate_hz or x.sample_rate_hz)
    ends = range(length, min(at_own_rate.shape[1], count * length) + 1, length)
    pieces = [at_own_rate[:, end - length : end] for end in ends]
    return [
        piece[first : first + channels]
        for piece in pieces
        for first in range(0, len(piece), channels)
    ]


def samples_of_digits(trained: "Trained", count: int) -> Samples:
    """Return digits resized to the network's shape, with mean and standard deviation of its
    training data in every channel.

    A signal is a digit read row by row, a volume is a stack of eight digits.

    Shape:
        (count, C, *spatial)
    """
    info, dim = trained.info, len(trained.info.spatial_shape)
    x, _ = load_digits()
    grids = {1: (-1, 1, 64), 2: (-1, 1, 8, 8), 3: (-1, 1, 8, 8, 8)}
    rows = torch.from_numpy(x).float()[: len(x) // 8 * 8].reshape(grids[dim])[:count]
    rows = (rows - rows.mean()) / rows.std()
    rows = F.interpolate(rows, info.spatial_shape, mode=LINEAR_UPSAMPLE[dim], align_corners=False)
    normalize = trained.model.normalize
    channel = (1, -1) + (1,) * dim
    return (rows / normalize.scale.cpu().view(channel) + normalize.mean.cpu().view(channel)).numpy()
