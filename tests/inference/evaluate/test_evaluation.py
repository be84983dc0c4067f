"""An evaluation says what the test at the end of a training says, and more; it reads labelled
folders as training does.
"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile
from torch.nn import functional as F

from convsweep.data.sources.digits import load_digits
from convsweep.data.sources.signals import Signals
from convsweep.inference.evaluate.classes import per_class
from convsweep.pictures.denoised import Denoised
from convsweep.pictures.worst import draw_versions
from convsweep.training.build import load_model
from tests.checkpoints import SCENES, SMALL, Command, arrays_checkpoint, write_checkpoint
from tests.conftest import Train


def record(folder: str = "evaluation") -> dict:
    return json.loads(Path(folder, "evaluation.json").read_text())


def labelled(folder: Path, rows: range) -> None:
    """Write digits as files, a folder a class."""
    x, y = load_digits()
    for row in rows:
        path = folder / str(y[row]) / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[row, 0]).save(path)


def test_it_says_what_the_run_said(train: Train, run: Command) -> None:
    folder = train("model.class_weights=balanced", "trainer.max_epochs=2")
    tested = json.loads((folder / "result.json").read_text())["test"]
    assert run(folder) == 0
    found = record()
    assert {f"test/{name}": value for name, value in found["metrics"].items()} == pytest.approx(
        tested, rel=1e-5
    )
    assert found["samples"] == int(np.sum(found["confusion"])) == 359
    assert found["metrics"]["accuracy"] == pytest.approx(
        np.trace(found["confusion"]) / 359, abs=1e-6
    )
    assert {"confusion.png", "worst.png", "samples.csv"} < {
        path.name for path in Path("evaluation").iterdir()
    }
    assert "accuracy" in run.out
    assert f"convsweep report {folder} " in run.out


def test_every_sample_has_its_group_if_the_data_has_groups(
    run: Command, train: Train, tmp_path: Path
) -> None:
    folder = train(r"data.group='(\d)$'", "data.max_train=100")
    assert run(folder) == 0
    with Path("evaluation/samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["group"] == row["sample"][-1] for row in rows} == {True}
    labelled(tmp_path / "new", range(8))
    assert run(folder, "new", "--overwrite") == 0
    assert "group" not in Path("evaluation/samples.csv").read_text().splitlines()[0]


def test_worst_samples_are_those_of_the_largest_loss(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    x, y = (torch.from_numpy(array) for array in load_digits())
    labelled(tmp_path / "new", range(40))
    assert run(net, "new", "--worst", 3) == 0
    assert f"convsweep predict {net} FILES" in run.out
    assert f"convsweep export {net} " in run.out
    assert "convsweep report" not in run.out  # of a folder alone
    losses = F.cross_entropy(
        load_model(net).predict_batch(x[:40])["probs"].log(), y[:40], reduction="none"
    )
    expected = [f"{y[row]}/{row}.png" for row in losses.argsort(descending=True)[:3].tolist()]
    assert [row["sample"] for row in record()["worst"]] == expected
    assert record()["metrics"]["loss"] == pytest.approx(float(losses.mean()), rel=1e-4)
    with Path("evaluation/samples.csv").open() as file:
        rows = {row["sample"]: row for row in csv.DictReader(file)}
    assert float(rows[expected[0]]["loss"]) == pytest.approx(float(losses.max()), abs=1e-5)
    assert {row["true"] for row in rows.values()} == {str(label) for label in y[:40].tolist()}


def test_folder_may_lack_classes_but_not_have_others(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    labelled(tmp_path / "all", range(60))
    (tmp_path / "few").mkdir()
    for name in ("3", "7"):
        (tmp_path / "all" / name).rename(tmp_path / "few" / name)
    assert run(net, "few") == 0
    counts = {row["class"]: row["count"] for row in record()["classes"]}
    labels = load_digits()[1][:60]
    assert counts == {
        str(digit): int((labels == digit).sum()) if digit in (3, 7) else 0 for digit in range(10)
    }
    (tmp_path / "one").mkdir()
    (tmp_path / "few" / "7").rename(tmp_path / "one" / "7")
    assert run(net, "one", "--out", "one class") == 0
    assert record("one class")["samples"] == counts["7"]
    (tmp_path / "few" / "3").rename(tmp_path / "few" / "three")
    assert run(net, "few", "--out", "other") == 1
    assert "but few holds three; rename or remove them" in run.err


def test_colour_is_converted_where_that_is_said(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SMALL)
    labelled(tmp_path / "grey", range(12))
    for file in (tmp_path / "grey").rglob("*.png"):
        copy = tmp_path / "rgb" / file.relative_to(tmp_path / "grey")
        copy.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as picture:
            picture.convert("RGB").save(copy)
    assert run(net, "grey", "--out", "a") == run(net, "rgb", "--out", "b", "--convert-color") == 0
    assert record("a")["metrics"] == pytest.approx(record("b")["metrics"])


def test_folder_of_masks(run: Command, tmp_path: Path) -> None:
    net = write_checkpoint(tmp_path / "best.ckpt", *SCENES)
    rng = np.random.default_rng(0)
    x, y = (
        rng.integers(0, 256, (3, 40, 48, 3), np.uint8),
        rng.integers(0, 11, (3, 40, 48), np.uint8),
    )
    for name, arrays in (("images", x), ("masks", y)):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number, array in enumerate(arrays):
            Image.fromarray(array).save(tmp_path / "cells" / name / f"{number}.png")
    assert run(net, "cells") == 0
    found = record()
    assert np.sum(found["confusion"]) == y.size
    iou = [row["iou"] for row in found["classes"]]
    assert found["metrics"]["miou"] == pytest.approx(
        np.mean([value for value in iou if value is not None]), abs=1e-5
    )
    with Path("evaluation/samples.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = found["classes"][0]["class"]
    for kind, axis in (("true", 1), ("predicted", 0)):
        counts = [int(row[f"{kind}_{first}"]) for row in rows]
        assert sum(counts) == np.sum(found["confusion"], axis=axis)[0]
    assert sum(int(row[f"right_{first}"]) for row in rows) == found["confusion"][0][0]


@pytest.mark.parametrize(
    ("shape", "masks"), [((2, 20), False), ((1, 6, 7, 8), False), ((2, 24), True)], ids=str
)
def test_arrays(run: Command, tmp_path: Path, shape: tuple[int, ...], masks: bool) -> None:
    net = arrays_checkpoint(
        tmp_path / "net.ckpt", shape, *([] if masks else ["model.net.num_stages=2"]), masks=masks
    )
    assert run(net, "net.npz") == 0
    assert record()["samples"] == 12
    assert np.sum(record()["confusion"]) == np.load("net.npz")["y"].size


def test_worst_recordings_are_drawn_and_played(run: Command, tmp_path: Path) -> None:
    small = [
        "data.length=256",
        "data.num_train=8",
        "data.num_val=2",
        "data.num_test=6",
        "model.net.depth=2",
        "model.net.width=4",
    ]
    net = write_checkpoint(tmp_path / "best.ckpt", "model=denoising", "data=signals", *small)
    assert run(net, "--worst", 2) == 0
    model = load_model(net)
    data = Signals(length=256, num_train=8, num_val=2, num_test=6, batch_size=8)
    data.setup()
    assert data.test is not None
    x, y = torch.from_numpy(data.test.x), torch.from_numpy(data.test.y)
    answers = model.predict_batch(x)["denoised"]
    losses = torch.stack([model.loss(answers[i : i + 1], y[i : i + 1]) for i in range(6)])
    worst = losses.argsort(descending=True)[:2].tolist()
    assert [row["sample"] for row in record()["worst"]] == [f"test/{row}" for row in worst]
    assert len(list(Path("evaluation/worst").iterdir())) == 6
    _, heard = wavfile.read("evaluation/worst/1_clean.wav")
    loudest = max(float(wave.abs().max()) for wave in (x[worst[1]], y[worst[1]], answers[worst[1]]))
    assert heard / 32767 == pytest.approx(y[worst[1], 0].numpy() / max(1.0, loudest), abs=1e-4)
    with Image.open("evaluation/worst.png") as picture:
        assert picture.size[0] == 1000


@pytest.mark.parametrize("shape", [(2, 30), (1, 9, 9), (3, 9, 9), (1, 5, 6, 7)], ids=str)
def test_signals_that_are_no_sound_are_drawn(tmp_path: Path, shape: tuple[int, ...]) -> None:
    noisy = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    figure = draw_versions([Denoised("a", noisy, noisy / 2, 0 * noisy)])
    assert [axes.get_title() for axes in figure.axes] == ["a, noisy", "a, denoised", "a, clean"]
    drawn = [
        axes.images[0].get_array() if axes.images else axes.lines[0].get_ydata()
        for axes in figure.axes
    ]
    assert [np.ptp(np.asarray(values, np.float64)) > 0 for values in drawn] == [True, True, False]
    figure.savefig(tmp_path / "drawn.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "there is nothing at nowhere"),
        (["NET", "nowhere"], "FOLDER must hold labelled data, but there is nothing at nowhere"),
        (["NET", "empty"], "is empty"),
        (["NET", "masks.npz"], "Labels must be whole numbers, but y of masks.npz holds 0.5"),
        (
            ["SCENES", "all"],
            (
                "FOLDER must hold labelled data for segmentation in the form of the training data"
                " (data.* cannot be set here): all must hold the folder images"
            ),
        ),
        (
            ["NET", "colour"],
            (
                "samples must be as the network was trained on, 1x8x8 with 10 classes, but colour"
                " holds 3x8x8"
            ),
        ),
        (["signals.ckpt", "all"], "A folder of arrays must hold x.npy and y.npy"),
        (["signals.ckpt", "other.npz"], "samples must be as the network was trained on, 2x20"),
        (["NET", "--worst", "-1"], "--worst must be at least 0"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistake_is_one_message(
    run: Command, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    labelled(tmp_path / "all", range(20))
    (tmp_path / "colour" / "3").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "colour" / "3" / "red.png")
    np.savez("masks.npz", x=np.zeros((4, 1, 8, 8), np.uint8), y=np.full((4, 8, 8), 0.5))
    np.savez("other.npz", x=np.zeros((4, 3, 20), np.float32), y=np.arange(4) % 3)
    nets = {"NET": lambda: write_checkpoint(tmp_path / "net.ckpt", *SMALL)}
    nets["SCENES"] = lambda: write_checkpoint(tmp_path / "scenes.ckpt", *SCENES)
    if "signals.ckpt" in arguments:
        arrays_checkpoint(tmp_path / "signals.ckpt", (2, 20), "model.net.num_stages=2")
    assert run(*(nets[word]() if word in nets else word for word in arguments)) == 1
    assert message in run.err
    assert "Traceback" not in run.err
    assert not Path("evaluation").exists()


def test_data_that_changed_or_went_is_no_data_of_the_training(run: Command, tmp_path: Path) -> None:
    net = arrays_checkpoint(tmp_path / "net.ckpt", (2, 20), "model.net.num_stages=2")
    np.savez("net.npz", x=np.zeros((12, 2, 24), np.float32), y=np.arange(12) % 3)
    assert run(net) == 1
    assert (
        "must be what the network was trained on, 2x20 with 3 classes, but is now 2x24" in run.err
    )
    Path("net.npz").unlink()
    assert run(net) == 1
    assert "the data of the training cannot be read: data.path must name" in run.err


def test_scores_of_classes_by_hand() -> None:
    confusion = np.array([[8, 2, 0], [1, 4, 0], [0, 0, 0]])
    rows = per_class(confusion, ("a", "b", "c"), is_segmentation=True)
    assert rows[0] == {
        "class": "a",
        "count": 10,
        "precision": 8 / 9,
        "recall": 0.8,
        "dice": 16 / 19,
        "iou": 8 / 11,
    }
    assert rows[1] == {
        "class": "b",
        "count": 5,
        "precision": 4 / 6,
        "recall": 0.8,
        "dice": 8 / 11,
        "iou": 4 / 7,
    }
    assert rows[2] == {
        "class": "c",
        "count": 0,
        "precision": None,
        "recall": None,
        "dice": None,
        "iou": None,
    }
    assert "f1" in per_class(confusion, ("a", "b", "c"), is_segmentation=False)[0]
