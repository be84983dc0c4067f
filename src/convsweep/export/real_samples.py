"""Real samples for the check of an export: the user's files, or handwritten digits brought to the network's shape."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from convsweep.data.digits import load_digits
from convsweep.data.images import UnfitFileError
from convsweep.errors import UserError
from convsweep.predict.formats import Formats, Reading
from convsweep.predict.inputs import find_files

if TYPE_CHECKING:
    from convsweep.trained import Trained

Samples = NDArray[np.float32]
INTERPOLATION = {1: "linear", 2: "bilinear", 3: "trilinear"}


def samples_of_files(trained: "Trained", named: Sequence[Path], count: int) -> Samples:
    """Return up to `count` samples of files that have the network's size once they are read.

    Shape:
        (N, C, *spatial)

    Raises:
        UserError: no file gives such a sample.
    """
    formats = Formats(trained, Reading(fit="auto" if trained.facts.task == "classification" else "stretch"))
    found: list[NDArray[np.float32]] = []
    reasons: list[str] = []
    for file in find_files(named):
        try:
            rows = [np.asarray(sample.x, np.float32) for sample in formats.of(file).read(file)]
        except UnfitFileError as error:
            reasons.append(f"{file} ({error.detail})")
            continue
        found += [row for row in rows if row.shape == trained.facts.in_shape]
        if len(found) >= count:
            break
    if not found:
        shape = "x".join(map(str, trained.facts.in_shape))
        reason = f": {reasons[0]}" if reasons else ""
        raise UserError(f"samples to check the export with must be {shape}, but no file gives one{reason}; name others or none")
    return np.stack(found[:count])


def samples_of_digits(trained: "Trained", count: int) -> Samples:
    """Return digits enlarged to the network's shape, with mean and spread of its training data in every channel.

    A signal is a digit read line by line, a volume is eight digits on top of each other.

    Shape:
        (count, C, *spatial)
    """
    facts, dim = trained.facts, len(trained.facts.spatial_shape)
    x, _ = load_digits()
    grids = {1: (-1, 1, 64), 2: (-1, 1, 8, 8), 3: (-1, 1, 8, 8, 8)}
    rows = torch.from_numpy(x).float()[: len(x) // 8 * 8].reshape(grids[dim])[:count]
    rows = (rows - rows.mean()) / rows.std()
    rows = F.interpolate(rows, facts.spatial_shape, mode=INTERPOLATION[dim], align_corners=False)
    normalize = trained.model.normalize
    channel = (1, -1) + (1,) * dim
    return (rows / normalize.scale.cpu().view(channel) + normalize.mean.cpu().view(channel)).numpy()
