"""Small folders of images and masks, drawn from a seed, and the real sets where they are at
hand.
"""

from pathlib import Path

import numpy as np
import pytest
from drawn_images import MakeMasks, draw
from PIL import Image

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test sees or fills the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED}")
    return SHARED


@pytest.fixture
def class_root(tmp_path: Path) -> Path:
    """Ten images in each of two class folders."""
    for name in ("cat", "dog"):
        for i in range(10):
            draw(tmp_path / "animals" / name / f"{i}.png", seed=name)
    return tmp_path / "animals"


@pytest.fixture
def make_masks(tmp_path: Path) -> MakeMasks:
    """Returns a function that writes `count` images and masks with the given values."""

    def make(
        values: tuple[int, ...] = (0, 1),
        count: int = 10,
        folder: str = "cells",
        masks: str = "masks",
    ) -> Path:
        root = tmp_path / folder
        for i in range(count):
            draw(root / "images" / f"{i}.png")
            (root / masks).mkdir(exist_ok=True)
            rng = np.random.default_rng(i)
            Image.fromarray(rng.choice(np.array(values, np.uint8), (12, 16))).save(
                root / masks / f"{i}.png"
            )
        return root

    return make
