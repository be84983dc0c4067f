"""Several labels an image through the whole program, from lists in a table to an export."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import Train

from convsweep.inference.evaluate.command import evaluate
from convsweep.inference.export.command import export
from convsweep.inference.predict.command import predict


def rooms(root: Path, count: int = 60) -> Path:
    """Write grey images with a bright lamp, a dark door, both or none, and lists of these."""
    rng = np.random.default_rng(0)
    rows = ["file,contents"]
    root.mkdir()
    for number in range(count):
        pixels = rng.normal(128, 10, (8, 8))
        lamp, door = rng.integers(0, 2, 2)
        pixels[:4] += 100 * lamp
        pixels[4:] -= 100 * door
        image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
        image.save(root / f"{number}.png")
        rows.append(f"{number}.png,{'lamp;' * lamp}{'door' * door}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def test_labels_of_images_go_through_every_command(train: Train, tmp_path: Path) -> None:
    root = rooms(tmp_path / "rooms")
    run = train(
        "model=multi_label",
        "model.tune_thresholds=f1",
        "callbacks=ema",
        "callbacks.weight_averaging.decay=0.5",
        "data=image_table",
        f"data.root={root}",
        "data.task=multi_label",
        "data.list_column=contents",
        "data.batch_size=8",
        "optimizer.lr=0.02",
        "trainer.max_epochs=10",
        pictures=True,
    )
    result = json.loads((run / "result.json").read_text())
    assert result["objectives"].keys() == {"val/mean_ap"}
    assert result["test"]["test/mean_ap"] > 0.9
    assert {path.name for path in (run / "pictures").iterdir()} == {
        "precision_recall_val.png",
        "precision_recall_test.png",
        "predictions_val.png",
    }

    assert evaluate([str(run), "--out", "evaluation", "--device", "cpu"]) == 0
    found = json.loads(Path("evaluation/evaluation.json").read_text())
    for name in ("mean_ap", "f1", "ap/lamp", "f1/door"):
        assert found["metrics"][name] == pytest.approx(result["test"][f"test/{name}"], rel=1e-4)
    thresholds = [row["threshold"] for row in found["numbers"]]
    best = result["best"]
    tuned = [best["val/threshold/door"], best["val/threshold/lamp"]]
    assert thresholds == pytest.approx(tuned, rel=1e-5)
    rows = list(csv.DictReader(Path("evaluation/samples.csv").read_text().splitlines()))
    stated = dict(csv.reader((root / "labels.csv").read_text().splitlines()))
    for row in rows:
        assert set(row["true"].split(";")) == set(stated[row["sample"]].strip(";").split(";"))
        door = float(row["p_door"]) >= thresholds[0]
        assert ("door" in row["predicted"]) == door
    assert {"precision_recall.png", "worst.png"} < {
        file.name for file in Path("evaluation").iterdir()
    }

    other = rooms(tmp_path / "other", count=2)  # where not every label occurs
    assert evaluate([str(run), str(other), "--out", "elsewhere", "--device", "cpu"]) == 0

    assert predict([str(run), str(other / "0.png"), "--out", "new", "--device", "cpu"]) == 0
    (answer,) = csv.DictReader(Path("new/predictions.csv").read_text().splitlines())
    assert set(answer) == {"sample", "labels", "p_door", "p_lamp"}
    assert ("lamp" in answer["labels"]) == (float(answer["p_lamp"]) >= thresholds[1])

    arguments = ["--format", "pt2", "--no-latency", "--out", "exported"]
    assert export([str(run), *arguments]) == 0
