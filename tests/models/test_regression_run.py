"""Regression through the whole program, from a table to an exported network."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.conftest import Train

from convsweep.inference.evaluate.command import evaluate
from convsweep.inference.export.command import export
from convsweep.inference.predict.command import predict
from convsweep.training.build import load_model


def lamps(root: Path, count: int = 60) -> Path:
    """Write grey images of equal brightness, with a little noise, and a table of their lumen."""
    rng = np.random.default_rng(0)
    rows = ["file,lumen"]
    root.mkdir()
    for number in range(count):
        brightness = int(rng.integers(30, 220))
        pixels = rng.normal(brightness, 3, (8, 8)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / f"{number}.png")
        rows.append(f"{number}.png,{1000 + 2 * brightness}")
    (root / "labels.csv").write_text("\n".join(rows))
    return root


def test_numbers_of_images_go_through_every_command(train: Train, tmp_path: Path) -> None:
    root = lamps(tmp_path / "lamps")
    run = train(
        "model=regression",
        "data=image_table",
        f"data.root={root}",
        "data.batch_size=8",
        "optimizer.lr=0.02",
        "trainer.max_epochs=15",
        pictures=True,
    )
    result = json.loads((run / "result.json").read_text())
    assert result["objectives"].keys() == {"val/r2"}
    assert set(result["test"]) == {"test/loss", "test/mae", "test/rmse", "test/r2"}
    assert result["test"]["test/r2"] > 0.9
    assert {path.name for path in (run / "pictures").iterdir()} == {
        "predicted_true_val.png",
        "predicted_true_test.png",
        "predictions_val.png",
    }

    assert evaluate([str(run), "--out", "evaluation", "--device", "cpu"]) == 0
    found = json.loads(Path("evaluation/evaluation.json").read_text())
    assert found["metrics"]["mae"] == pytest.approx(result["test"]["test/mae"], rel=1e-3)
    (row,) = found["numbers"]
    assert row["number"] == "lumen"
    assert row["r2"] == pytest.approx(found["metrics"]["r2"], rel=1e-3)
    samples = list(csv.DictReader(Path("evaluation/samples.csv").read_text().splitlines()))
    errors = [abs(float(each["true_lumen"]) - float(each["predicted_lumen"])) for each in samples]
    assert math.fsum(errors) / len(errors) == pytest.approx(found["metrics"]["mae"], rel=1e-3)
    assert {"predicted_true.png", "worst.png"} < {
        path.name for path in Path("evaluation").iterdir()
    }

    other = lamps(tmp_path / "other", count=4)
    assert evaluate([str(run), str(other), "--out", "elsewhere", "--device", "cpu"]) == 0
    assert json.loads(Path("elsewhere/evaluation.json").read_text())["samples"] == 4

    assert predict([str(run), str(other / "0.png"), "--out", "new", "--device", "cpu"]) == 0
    (answer,) = csv.DictReader(Path("new/predictions.csv").read_text().splitlines())
    pixels = torch.from_numpy(np.array(Image.open(other / "0.png")))[None, None]
    expected = load_model(run / "checkpoints" / "best.ckpt").predict_batch(pixels)["values"]
    assert float(answer["lumen"]) == pytest.approx(float(expected), rel=1e-5)

    arguments = ["--format", "pt2", "--no-latency", "--out", "exported"]
    assert export([str(run), *arguments]) == 0
    assert json.loads(Path("exported/export.json").read_text())["checks"]["torch.export"]["samples"]
