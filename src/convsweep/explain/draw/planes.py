"""Drawing of a feature map, filter or sample with any number of axes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def plane(values: Tensor) -> NDArray[np.float32]:
    """Return a view of values (*spatial): a line, an image, or the middle slice of a volume."""
    array = values.detach().float().numpy()
    while array.ndim > 2:
        array = array[len(array) // 2]
    return np.asarray(array)


def picture(sample: Tensor) -> NDArray[np.float32]:
    """Return a view of a sample (C, *spatial): in colour if it has three channels, else its first
    channel.
    """
    if len(sample) == 3 and sample.dim() == 3:
        array = sample.detach().float().numpy().transpose(1, 2, 0)
        return np.asarray((array - array.min()) / max(float(np.ptp(array)), 1e-8))
    return plane(sample[0])


def show(
    axes: Any, values: NDArray[np.float32], limit: float | None = None, cmap: str = "gray"
) -> None:
    """Draw a line or an image, without ticks.

    Args:
        limit: the colour map spans -limit to limit; None: the range of the values.
    """
    axes.set_xticks([])
    axes.set_yticks([])
    if values.ndim == 1:
        axes.plot(values, linewidth=0.8)
        if limit:
            axes.set_ylim(-limit, limit)
    else:
        axes.imshow(values, cmap=cmap, vmin=None if limit is None else -limit, vmax=limit)
