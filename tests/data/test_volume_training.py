"""Volumes through the whole program: train, judge whole volumes, show them, load the checkpoint and
predict.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_volumes import draw_folder
from PIL import Image
from tests.conftest import Train

from convsweep.training.build import load_model

SEGMENTATION = [
    "model=segmentation",
    "model/net=unet_3d_small",
    "model.net.depth=1",
    "model.net.width=4",
]
RUN = ["logger=none", "trainer=cpu", "trainer.max_epochs=1", "data.batch_size=4"]


def test_a_nifti_folder_is_learnt_from_crops_and_judged_whole(train: Train, tmp_path: Path) -> None:
    root = draw_folder(tmp_path / "scans")
    run = train(
        *RUN,
        *SEGMENTATION,
        "data=nifti_folder",
        f"data.root={root}",
        "data.num_classes=3",
        "data.crop_size=8",
        "data/augment=mirror",
        "model.normalize_by=sample",
        "data.crops_per_volume=8",
        "trainer.max_epochs=6",
        "optimizer.lr=0.02",
        "model.dice_weight=1",
        "monitor.metric=val/foreground_dice",
        quick=False,
    )
    result = json.loads((run / "result.json").read_text())
    assert result["test"]["test/sample_dice/1"] > 0.3
    assert result["cost"]["in_shape"] == [1, 8, 8, 8]
    with Image.open(run / "pictures/predictions_val.png") as picture:
        assert np.asarray(picture.convert("L")).std() > 5
    counted = np.loadtxt(
        run / "pictures/confusion_test.csv", delimiter=",", skiprows=1, usecols=(1, 2, 3)
    )
    model = load_model(run / "checkpoints/best.ckpt")
    assert model.info.any_size
    probs = model.predict_batch(torch.zeros(1, 1, 13, 9, 20))["probs"]
    assert probs.shape == (1, 3, 13, 9, 20)
    sizes = {12 * 15 * 10, 10 * 12 * 11, 14 * 10 * 9, 8 * 13 * 12, 11**3}
    assert counted.sum() in {a + b for a in sizes for b in sizes}


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_arrays_of_three_axes_are_learnt(train: Train, tmp_path: Path, task: str) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 1, 6, 8, 7), np.uint8)
    kinds, masks = np.arange(40) % 2, (x[:, 0] > 128).astype(np.uint8)
    x[kinds == 1] //= 4
    np.savez(tmp_path / "scans.npz", x=x, y=kinds if task == "classification" else masks)
    model = (
        SEGMENTATION if task == "segmentation" else ["model.net.num_stages=1", "model.net.width=4"]
    )
    run = train(
        *RUN,
        *model,
        "data=arrays",
        f"data.path={tmp_path}/scans.npz",
        f"data.task={task}",
        "optimizer.lr=0.02",
        "trainer.max_epochs=8",
        quick=False,
    )
    test = json.loads((run / "result.json").read_text())["test"]
    # chance: a half
    assert test["test/accuracy" if task == "classification" else "test/pixel_accuracy"] > 0.65


@pytest.mark.parametrize("task", ["classification", "segmentation"])
def test_drawn_volumes_run(train: Train, task: str) -> None:
    model = (
        SEGMENTATION if task == "segmentation" else ["model.net.num_stages=1", "model.net.width=4"]
    )
    sizes = ["data.volume_size=16", "data.num_train=8", "data.num_val=4", "data.num_test=4"]
    run = train(
        *RUN,
        *model,
        *sizes,
        "data=volumes",
        f"data.task={task}",
        "data/augment=mirror",
        quick=False,
    )
    assert json.loads((run / "result.json").read_text())["outcome"] == "complete"
