"""Masks of image files: the most probable class of every pixel, on the grid of the file whatever
its size.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from convsweep.data.files.images import ImageDecoding, fit
from convsweep.data.samples import DataInfo
from convsweep.inference.predict.geometry import geometry_of
from convsweep.inference.predict.table import Predictions
from convsweep.nets.sliding_window import SlidingWindow
from convsweep.training.build import load_model
from tests.checkpoints import SCENES, Command, write_checkpoint
from tests.data.drawn_images import draw


def pixels(path: Path) -> torch.Tensor:
    return torch.from_numpy(np.asarray(Image.open(path)).transpose(2, 0, 1).copy())


def mask(name: str, folder: str = "predictions") -> np.ndarray:
    return np.asarray(Image.open(Path(folder, "masks", f"{name}.png")))


def test_mask_is_the_most_probable_class_of_every_pixel(
    run: Command, scenes_net: Path, tmp_path: Path
) -> None:
    for number in range(3):
        draw(tmp_path / "new" / f"{number}.png", 32, 32, seed=number)
    draw(tmp_path / "new" / "deep" / "0.jpg", 32, 32)
    assert run(scenes_net, "new") == 0
    model = load_model(scenes_net)
    for number in range(3):
        expected = model.predict_batch(pixels(tmp_path / "new" / f"{number}.png")[None])["probs"][
            0
        ].argmax(0)
        np.testing.assert_array_equal(mask(str(number)), expected)
    assert mask("deep/0").shape == (32, 32)
    with Image.open("predictions/overlays/0.png") as overlay:
        assert (overlay.mode, overlay.size) == ("RGB", (32, 32))
    table = Path("predictions/predictions.csv").read_text().splitlines()
    assert table[0].startswith("sample,mask,share_background,share_0")
    assert sum(float(share) for share in table[1].split(",")[2:]) == pytest.approx(1, abs=1e-4)


def test_terminal_tells_what_the_masks_hold(run: Command, scenes_net: Path, tmp_path: Path) -> None:
    for number in range(12):
        draw(tmp_path / "new" / f"{number:02d}.png", 32, 32, seed=number)
    assert run(scenes_net, "new") == 0
    with Path("predictions/predictions.csv").open() as file:
        found = list(csv.DictReader(file))
    means = {
        name: np.mean([float(row[f"share_{name}"]) for row in found])
        for name in load_model(scenes_net).info.class_names
    }
    ranked = sorted(means.items(), key=lambda pair: -pair[1])
    words = ", ".join(f"{name} {mean:.1%}" for name, mean in ranked if mean)
    assert f"12 samples, the first 10 above; on average {words}" in run.out
    assert "results: predictions/predictions.csv, masks/, overlays/" in run.out


@pytest.mark.parametrize(("num_classes", "shares"), [(2, ["a", "b"]), (5, ["a", "b", "c", "d"])])
def test_terminal_shows_shares_and_no_names_of_masks(
    num_classes: int, shares: list[str], tmp_path: Path
) -> None:
    rows = Predictions(
        tmp_path / "rows.csv",
        DataInfo((1, 2, 2), num_classes, tuple("abcde"[:num_classes]), "segmentation"),
    )
    with rows:
        rows.add("one.png", ["masks/one.png"], np.array([[0, 1], [1, 1]]))
    assert [column.header for column in rows.preview().columns] == [
        "sample",
        *(f"share_{name}" for name in shares),
    ]
    assert rows.summary().startswith("1 sample; on average b 75.0%, a 25.0%")


def test_larger_image_is_seen_through_overlapping_windows(
    run: Command, scenes_net: Path, tmp_path: Path
) -> None:
    draw(tmp_path / "large.png", 50, 70)
    draw(tmp_path / "small.png", 20, 25)
    assert run(scenes_net, "large.png", "small.png", "--no-overlays") == 0
    model = load_model(scenes_net)
    windows = SlidingWindow(lambda x: model.predict_batch(x)["probs"], (32, 32))
    for name in ("large", "small"):
        np.testing.assert_array_equal(
            mask(name), windows(pixels(tmp_path / f"{name}.png").float()).argmax(0)
        )
    assert not Path("predictions/overlays").exists()
    assert run(scenes_net, "large.png", "--tile", 48, "--out", "wide") == 0
    assert (mask("large", "wide") != mask("large")).any()


def test_mirrored_masks_are_mirrored_back(run: Command, scenes_net: Path, tmp_path: Path) -> None:
    draw(tmp_path / "one.png", 32, 32)
    Image.open("one.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("flipped.png")
    assert run(scenes_net, "one.png", "flipped.png", "--mirror", "last") == 0
    np.testing.assert_array_equal(mask("one"), mask("flipped")[:, ::-1])
    assert run(scenes_net, "one.png", "flipped.png", "--out", "plain") == 0
    assert (mask("one", "plain") != mask("flipped", "plain")[:, ::-1]).any()


def test_network_that_answers_for_its_middle_answers_for_the_whole_file(
    run: Command, tmp_path: Path
) -> None:
    valid = ["model.net.padding=valid", "model.net.num_convs=1", "data.image_size=34"]
    net = write_checkpoint(tmp_path / "best.ckpt", *SCENES, *valid)
    draw(tmp_path / "one.png", 34, 34)
    assert run(net, "one.png") == 0
    model = load_model(net)
    assert model.predict_batch(pixels(tmp_path / "one.png")[None])["probs"].shape[2:] == (14, 14)
    windows = SlidingWindow(lambda x: model.predict_batch(x)["probs"], (34, 34), (14, 14))
    np.testing.assert_array_equal(
        mask("one"), windows(pixels(tmp_path / "one.png").float()).argmax(0)
    )
    assert mask("one").shape == (34, 34)


@pytest.mark.parametrize(
    ("how", "outside"), [("stretch", 0), ("pad", 0), ("crop", 20 * 30 - 20 * 20)]
)
def test_resized_image_gets_a_mask_of_its_own_size(
    run: Command, scenes_net: Path, tmp_path: Path, how: str, outside: int
) -> None:
    draw(tmp_path / "one.png", 20, 30)
    assert run(scenes_net, "one.png", "--fit", how) == 0
    assert mask("one").shape == (20, 30)
    assert (mask("one") == 255).sum() == outside


@pytest.mark.parametrize("resize", ["stretch", "pad", "crop"])
@pytest.mark.parametrize("size", [(40, 60), (60, 40), (7, 9), (16, 16)])
def test_geometry_undoes_resizing(resize: str, size: tuple[int, int]) -> None:
    """Each half of a picture is a class; resized as for training and brought back, each pixel is in
    its half again.
    """
    height, width = size
    halves = np.zeros(size, np.uint8)
    halves[:, width // 2 :] = 255
    grid = (16, 16)
    image = fit(Image.fromarray(halves), ImageDecoding(grid, resize), grid, nearest=False, fill=0)
    right = np.asarray(image, np.float32) / 255
    found = geometry_of(resize, size, grid).labels(np.stack([1 - right, right]), outside=9)
    assert found.shape == size
    seen = found != 9
    border = np.abs(np.arange(width) - (width - 1) / 2) > 0.1 * width
    agree = (found == (halves > 0)) | ~seen | ~border
    assert agree.all()
    assert seen.mean() == pytest.approx(
        1 if resize != "crop" else min(size) ** 2 / (height * width), abs=0.02
    )
