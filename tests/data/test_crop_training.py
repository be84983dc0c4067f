"""Images of any size through the whole program: trained on crops, validated, shown, predicted and
evaluated whole.
"""

import json
from pathlib import Path

import numpy as np
from drawn_images import draw
from PIL import Image
from tests.checkpoints import Command, command_fixture
from tests.conftest import Train

from convsweep.inference.evaluate.command import evaluate
from convsweep.inference.predict.command import predict

run = command_fixture(predict)
run_evaluate = command_fixture(evaluate)


def draw_cells(root: Path) -> Path:
    """Write grey images of several sizes, and masks of where they are bright."""
    (root / "masks").mkdir(parents=True)
    for number in range(12):
        file = root / "images" / f"{number}.png"
        draw(file, 30 + number, 50 - 2 * number, channels=1)
        with Image.open(file) as image:
            mask = (np.asarray(image) > 127).astype(np.uint8)
        Image.fromarray(mask).save(root / "masks" / file.name)
    return root


def test_images_of_any_size_are_learnt_from_crops_and_answered_whole(
    train: Train, run: Command, run_evaluate: Command, tmp_path: Path
) -> None:
    cells = draw_cells(tmp_path / "cells")
    folder = train(
        "logger=none",
        "trainer=cpu",
        "model=segmentation",
        "model/net=unet_small",
        "model.net.depth=1",
        "model.net.width=4",
        "data=mask_folder",
        f"data.root={cells}",
        "data.coding=binary",
        "data.crop_size=16",
        "data.crops_per_image=4",
        "data.batch_size=4",
        "data.test_fraction=0.2",
        "data/augment=flips",
        "optimizer.lr=0.03",
        "trainer.max_epochs=4",
        quick=False,
    )
    result = json.loads((folder / "result.json").read_text())
    assert result["test"]["test/pixel_accuracy"] > 0.9
    assert result["cost"]["in_shape"] == [1, 16, 16]
    with Image.open(folder / "pictures/predictions_val.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    out = tmp_path / "out"
    assert run(folder, cells / "images", "--out", out) == 0
    for number in range(12):
        with Image.open(out / "masks" / f"{number}.png") as mask:
            answer = np.asarray(mask)
        with Image.open(cells / "masks" / f"{number}.png") as mask:
            assert (answer == np.asarray(mask)).mean() > 0.8
    assert run(folder, cells / "images", "--tile", 24, "--out", tmp_path / "wide") == 0
    with Image.open(tmp_path / "wide" / "masks" / "3.png") as mask:
        assert mask.size == (44, 33)
    assert run_evaluate(folder, cells, "--out", tmp_path / "scores") == 0
    scores = json.loads((tmp_path / "scores" / "evaluation.json").read_text())
    assert scores["metrics"]["pixel_accuracy"] > 0.9
