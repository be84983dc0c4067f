"""Classes of image files: probabilities are the network's, files of other sizes and colours are
treated as in training.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from convsweep.data.sources.digits import load_digits
from convsweep.training.build import load_model
from tests.checkpoints import SMALL, Command, write_checkpoint
from tests.data.drawn_images import draw


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "predictions.csv").open() as file:
        return list(csv.DictReader(file))


def probs(found: list[dict[str, str]]) -> np.ndarray:
    return np.array(
        [[float(value) for name, value in row.items() if name.startswith("p_")] for row in found]
    )


def test_rows_are_what_the_network_says_of_the_pixels(
    run: Command, digits: Path, digits_net: Path
) -> None:
    assert run(digits_net, digits) == 0
    found = rows(Path("predictions"))
    expected = (
        load_model(digits_net)
        .predict_batch(torch.from_numpy(load_digits()[0][:5]))["probs"]
        .numpy()
    )
    np.testing.assert_allclose(probs(found), expected, atol=1e-6)
    assert [row["sample"] for row in found] == [f"{digits}/{number}.png" for number in range(5)]
    assert [row["class"] for row in found] == [str(index) for index in expected.argmax(1)]
    assert [float(row["probability"]) for row in found] == pytest.approx(expected.max(1), abs=1e-6)
    assert "5 samples" in run.out
    assert "results: predictions/predictions.csv" in run.out


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batch_size_changes_nothing(
    run: Command, digits: Path, digits_net: Path, batch_size: int
) -> None:
    assert run(digits_net, digits, "--batch-size", batch_size, "--out", "few") == 0
    assert run(digits_net, digits, "--out", "many") == 0
    np.testing.assert_allclose(probs(rows(Path("few"))), probs(rows(Path("many"))), atol=2e-6)


def test_mirrored_copies_are_averaged(run: Command, digits: Path, digits_net: Path) -> None:
    for mirror in ("last", "all"):
        assert run(digits_net, digits, "--mirror", mirror, "--out", mirror) == 0
    model, x = load_model(digits_net), torch.from_numpy(load_digits()[0][:5])
    copies = [
        model.predict_batch(x.flip(axes) if axes else x)["probs"]
        for axes in ((), (3,), (2,), (2, 3))
    ]
    np.testing.assert_allclose(
        probs(rows(Path("last"))), torch.stack(copies[:2]).mean(0), atol=1e-6
    )
    np.testing.assert_allclose(probs(rows(Path("all"))), torch.stack(copies).mean(0), atol=1e-6)


def test_network_of_embedded_data_takes_images_of_any_size(
    run: Command, digits: Path, digits_net: Path
) -> None:
    image = Image.open(digits / "0.png")
    image.resize((8, 8)).resize((24, 16), Image.Resampling.NEAREST).save("large.png")
    assert run(digits_net, "large.png") == 0
    shrunk = np.array(Image.open("large.png").resize((8, 8), Image.Resampling.BILINEAR))
    expected = load_model(digits_net).predict_batch(torch.from_numpy(shrunk)[None, None])["probs"]
    np.testing.assert_allclose(probs(rows(Path("predictions"))), expected, atol=1e-6)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A labelled folder of colour images, all 12x16."""
    for name in ("cat", "dog"):
        for number in range(6):
            draw(tmp_path / "photos" / name / f"{number}.png", seed=f"{name}{number}")
    return tmp_path / "photos"


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
def test_files_are_resized_as_for_training(
    run: Command, photos: Path, resize: str, tmp_path: Path
) -> None:
    how = ["data=image_folder", f"data.root={photos}", "data.image_size=8", f"data.resize={resize}"]
    net = write_checkpoint(tmp_path / "best.ckpt", *how, *SMALL)
    assert run(net, photos / "cat") == 0
    from convsweep.data.sources.image_folder import ImageFolder

    x = ImageFolder(str(photos), 8, resize, batch_size=4).read()[0].x[:6]
    expected = load_model(net).predict_batch(torch.from_numpy(x))["probs"]
    np.testing.assert_allclose(probs(rows(Path("predictions"))), expected, atol=1e-6)


def test_size_that_training_did_not_settle_is_asked_for(
    run: Command, photos: Path, tmp_path: Path
) -> None:
    net = write_checkpoint(
        tmp_path / "best.ckpt", "data=image_folder", f"data.root={photos}", *SMALL
    )
    draw(tmp_path / "other.png", height=20, width=20)
    assert run(net, "other.png") == 1
    assert "Images must be 12x16 as those that the network was trained on" in run.err
    assert "20x20" in run.err
    assert run(net, "other.png", "--fit", "crop") == 0


def test_colour_is_converted_only_when_asked(run: Command, digits: Path, digits_net: Path) -> None:
    Image.open(digits / "3.png").convert("RGB").save("colour.png")
    assert run(digits_net, "colour.png") == 1
    assert "Images must be grey as those that the network was trained on" in run.err
    assert "--convert-color" in run.err
    assert not Path("predictions").exists()
    assert run(digits_net, "colour.png", digits / "3.png", "--convert-color") == 0
    colour, grey = probs(rows(Path("predictions")))
    np.testing.assert_allclose(colour, grey, atol=1e-6)


def test_what_cannot_be_read_is_listed_and_the_rest_is_done(
    run: Command, digits: Path, digits_net: Path
) -> None:
    (digits / "cut.png").write_bytes((digits / "0.png").read_bytes()[:50])
    (digits / "words.jpg").write_text("no image")
    (digits / "ignored.txt").write_text("not of a known kind")
    assert run(digits_net, digits, digits / "ignored.txt") == 3
    assert len(rows(Path("predictions"))) == 5
    assert "cut.png" in run.err
    assert "words.jpg (no image)" in run.err
    assert "ignored.txt (.txt)" in run.err
    assert "Traceback" not in run.err


def test_sixteen_bits_become_eight_as_in_training(run: Command, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (2, 12, 16)).astype(np.uint16)
    for name in ("cat", "dog"):
        for number in range(6):
            draw(tmp_path / "photos" / name / f"{number}.png", seed=f"{name}{number}", channels=1)
    net = write_checkpoint(
        tmp_path / "best.ckpt", "data=image_folder", "data.root=photos", "data.white=4095", *SMALL
    )
    for number, plane in enumerate(pixels):
        Image.fromarray(plane).save(f"{number}.png")
    assert run(net, "0.png", "1.png") == 0
    expected = load_model(net).predict_batch(
        torch.from_numpy((pixels >> 4).astype(np.uint8))[:, None]
    )["probs"]
    np.testing.assert_allclose(probs(rows(Path("predictions"))), expected, atol=1e-6)


def test_permuted_training_data_permutes_files_too(
    run: Command, digits: Path, tmp_path: Path
) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", "data.permute=true", *SMALL)
    assert run(net, digits) == 0
    order = np.random.default_rng(0).permutation(64)
    moved = load_digits()[0][:5].reshape(5, 1, 64)[..., order].reshape(5, 1, 8, 8)
    expected = load_model(net).predict_batch(torch.from_numpy(moved))["probs"]
    np.testing.assert_allclose(probs(rows(Path("predictions"))), expected, atol=1e-6)
