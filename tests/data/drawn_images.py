"""Images of random pixels, for folders that look like a user's."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

MakeMasks = Callable[..., Path]


def draw(
    path: Path, height: int = 12, width: int = 16, channels: int = 3, seed: int | str = 0
) -> None:
    """Write an image of random pixels; the same path and seed give the same pixels."""
    rng = np.random.default_rng(sum(f"{path.name}{seed}".encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 256, (height, width, channels), np.uint8)
    Image.fromarray(pixels[..., 0] if channels == 1 else pixels).save(path)
