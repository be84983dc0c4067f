"""Confusion matrices and sample predictions: counted right, drawn for every kind of data, received
by the server.
"""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fitting import TinyModel, fit, tiny_loader, track
from lightning.pytorch import Trainer
from PIL import Image
from torch.utils.data import DataLoader
from wandb_server import WandbServer

from convsweep.data.permutation import Permutation, fixed_permutation
from convsweep.pictures.drawing import draw_confusion, draw_predictions
from convsweep.pictures.prediction import Prediction
from convsweep.tracking import ConfusionMatrix, SamplePredictions, best_epoch, confusion
from convsweep.tracking.confusion import count_confusion
from convsweep.tracking.predictions import FixedSamples, choose_samples, evaluation_mode, predict
from convsweep.tracking.wandb.media import confusion_chart, prediction_images

NAMES = ["background", "cell, small", "edge"]


def logits_of(classes: list[int], num_classes: int = 3) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(classes), num_classes).float()


def test_counts_true_classes_in_rows_and_predicted_in_columns() -> None:
    counts = count_confusion(logits_of([0, 1, 1, 2, 0]), torch.tensor([0, 1, 2, 2, 2]))
    assert counts.tolist() == [[1, 0, 0], [0, 1, 0], [1, 1, 1]]


def test_positions_to_ignore_and_cropped_borders_do_not_count() -> None:
    logits = torch.zeros(1, 2, 2, 2)
    logits[:, 1, 0] = 1.0  # upper row: class 1, lower row: class 0
    target = torch.full((1, 4, 4), 9)
    target[0, 1:3, 1:3] = torch.tensor([[1, 255], [0, 1]])
    assert count_confusion(logits, target, ignore_index=255).tolist() == [[1, 0], [1, 1]]
    assert count_confusion(logits, target, ignore_index=0).tolist() == [[0, 0], [1, 1]]


def test_confusion_of_best_validation_and_test_reaches_folder_and_server(
    server: WandbServer, folder: Path
) -> None:
    model = TinyModel()
    with track(folder) as tracker:
        fit(tracker, model, max_epochs=3, test=True, callbacks=[ConfusionMatrix()])
    x, y = next(iter(DataLoader(tiny_loader().dataset, batch_size=60)))
    for split in ("val", "test"):
        rows = list(
            csv.reader((folder / f"pictures/confusion_{split}.csv").read_text().splitlines())
        )
        counts = np.array(rows[1:])[:, 1:].astype(int)
        assert counts.sum(axis=1).tolist() == y.bincount().tolist()
        assert np.trace(counts) == int((model(x).argmax(1) == y).sum())
        assert pixels_of(folder / f"pictures/confusion_{split}.png").std() > 5
        received = received_table(server, f"confusion_matrix/{split}_table")
        assert received["columns"] == ["Actual", "Predicted", "nPredictions"]
        assert [row[2] for row in received["data"]] == counts.flatten().tolist()


def pixels_of(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def received_table(server: WandbServer, key: str) -> Any:
    (row,) = (row for row in server.run.history if key in row)
    return json.loads(server.uploads[f"{server.run.id}/{row[key]['path']}"])


@pytest.mark.parametrize("monitor", ["val/loss", "train/loss"])
def test_the_best_epoch_is_published(
    folder: Path, monkeypatch: pytest.MonkeyPatch, monitor: str
) -> None:
    class Middling(TinyModel):
        """Is best in its second epoch, and takes all samples for the class of that number."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x) * 0 + logits_of([self.current_epoch] * len(x))

        def training_step(self, batch: list[torch.Tensor], batch_index: int) -> torch.Tensor:
            self.log("train/loss", abs(self.current_epoch - 1.0), on_step=False, on_epoch=True)
            return self(batch[0]).sum()

        def validation_step(self, batch: list[torch.Tensor], batch_index: int) -> None:
            self(batch[0])
            self.log("val/loss", abs(self.current_epoch - 1.0))

    published: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(
        confusion,
        "publish_confusion",
        lambda t, s, counts, e: published.append((e, counts.sum(0).tolist())),
    )
    with track(folder, mode="disabled") as tracker:
        fit(tracker, Middling(), max_epochs=3, monitor=monitor, callbacks=[ConfusionMatrix()])
    assert published == [(1, [0, 60, 0])]


def test_predictions_reach_folder_and_server(server: WandbServer, folder: Path) -> None:
    with track(folder) as tracker:
        fit(tracker, callbacks=[SamplePredictions()], shape=(1, 2, 2))
    assert pixels_of(folder / "pictures/predictions_val.png").std() > 5
    (row,) = (row for row in server.run.history if "predictions/val" in row)
    images = row["predictions/val"]
    assert images["count"] == 16
    assert "%" in images["captions"][0]
    assert sum("media/images" in name for name in server.uploads) == 16


def test_pictures_that_fail_do_not_stop_a_training(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Unpredictable(TinyModel):
        def predict_batch(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            raise RuntimeError("no idea")

    with track(folder, mode="disabled") as tracker:
        trainer = fit(tracker, Unpredictable(), max_epochs=3, callbacks=[SamplePredictions()])
    assert trainer.current_epoch == 3
    said = [
        record.getMessage()
        for record in caplog.records
        if record.levelname == "WARNING" and "convsweep" in record.name
    ]
    assert said == ["SamplePredictions failed (RuntimeError: no idea); training continues."]


def test_samples_are_the_same_each_time_and_spread_over_the_classes() -> None:
    labels = np.repeat(np.arange(4), 25)[np.random.default_rng(0).permutation(100)]
    split = SimpleNamespace(
        x=np.arange(100).reshape(100, 1), y=labels, names=[str(i) for i in range(100)]
    )
    trainer: Any = SimpleNamespace(datamodule=SimpleNamespace(val=split))
    first, second = choose_samples(trainer, 16), choose_samples(trainer, 16)
    assert first.names == second.names
    assert len(set(first.names)) == 16
    assert np.bincount(first.y).tolist() == [4, 4, 4, 4]
    assert len(choose_samples(trainer, 1000).names) == 100


def test_each_part_gets_its_own_mode_back() -> None:
    model = TinyModel()
    model.train()
    model.net.eval()
    with evaluation_mode(model):
        assert not model.training
    assert model.training
    assert not model.net.training


@pytest.mark.parametrize(
    "spatial", [(40,), (12, 17), (6, 12, 9)], ids=["signal", "image", "volume"]
)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["classification", "segmentation"])
def test_every_kind_of_data_can_be_drawn(
    spatial: tuple[int, ...], channels: int, kind: str, tmp_path: Path
) -> None:
    generator = np.random.default_rng(0)
    axes = spatial if kind == "segmentation" else ()
    predictions = [
        Prediction.of(
            generator.normal(size=(channels, *spatial)).astype(np.float32),
            generator.integers(0, 3, axes),
            generator.random((3, *axes)).astype(np.float32),
            f"val/{index}",
        )
        for index in range(3)
    ]
    draw_predictions(predictions, NAMES).savefig(tmp_path / "drawn.png")
    assert pixels_of(tmp_path / "drawn.png").std() > 5
    image = prediction_images(predictions, NAMES)[0]
    side_by_side = len(spatial) == 3 and (2 * spatial[2] + spatial[1], max(spatial[:2]))
    assert image.image.size == ((400, 250) if len(spatial) == 1 else side_by_side or spatial[::-1])
    assert bool(image._masks) == (kind == "segmentation" and len(spatial) > 1)


def test_pictures_of_several_sizes_are_padded_to_one_for_wandb() -> None:
    predictions = [
        Prediction.of(
            np.full((1, *size), 200, np.uint8), np.ones(size), np.ones((3, *size)), f"val/{size}"
        )
        for size in ((6, 4), (3, 9))
    ]
    images = prediction_images(predictions, NAMES)
    assert [image.image.size for image in images] == [(9, 6), (9, 6)]
    assert (np.asarray(images[0].image)[..., 0] > 0).sum() == 6 * 4


def test_masks_have_a_legend_of_the_classes_that_are_drawn() -> None:
    truth = np.array([[0, 0], [2, 255]])  # 255 is ignored
    probs = np.eye(3)[[0, 0, 0, 0]].T.reshape(3, 2, 2)
    figure = draw_predictions(
        [Prediction.of(np.zeros((1, 2, 2), np.uint8), truth, probs, "val/0")], NAMES
    )
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["edge"]
    empty = Prediction.of(np.zeros((1, 2, 2), np.uint8), np.zeros((2, 2)), probs, "val/0")
    assert draw_predictions([empty], NAMES).legends == []


def test_of_a_volume_the_three_middle_slices_are_shown_with_their_masks() -> None:
    x = np.zeros((1, 3, 4, 5), np.uint8)
    x[0, 1, 2, 2] = 200  # the middle of all three axes
    truth = (x[0] > 0).astype(np.int64)
    prediction = Prediction.of(x, truth, np.zeros((2, 3, 4, 5)), "val/0")
    bright = np.argwhere(prediction.plane()[..., 0] == 200).tolist()
    assert bright == [[1, 5 + 2], [1, 10 + 2], [2, 2]]
    assert np.argwhere(prediction.masks()[0]).tolist() == bright


def test_samples_of_different_sizes_are_predicted_one_by_one() -> None:
    class Bright(TinyModel):
        def predict_batch(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"probs": torch.cat([x < 5, x >= 5], dim=1).float()}

    x = [np.full((1, 4, size), size, np.float32) for size in (3, 7)]
    predictions = predict(Bright(), FixedSamples(x, [each[0] > 5 for each in x], ["a", "b"]))
    assert [each.predicted.shape for each in predictions] == [(4, 3), (4, 7)]
    assert [each.predicted.mean() for each in predictions] == [0, 1]


def test_positions_are_permuted_for_the_network_and_put_back_for_the_picture() -> None:
    class Seen(TinyModel):
        def predict_batch(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            seen.append(x)
            return {"probs": torch.cat([1 - x, x], dim=1)}

    seen: list[torch.Tensor] = []
    x = np.eye(7, dtype=np.float32)[:, None]
    data = SimpleNamespace(
        val=SimpleNamespace(x=x, y=x[:, 0].astype(np.int64), names=list("abcdefg")),
        info=SimpleNamespace(spatial_shape=(7,)),
        positions=fixed_permutation((7,)),
    )
    callback, trainer = SamplePredictions(), SimpleNamespace(datamodule=data)
    callback.capture(trainer, Seen())  # type: ignore[arg-type]
    assert torch.equal(torch.cat(seen), Permutation((7,))(torch.from_numpy(x)))
    assert np.array_equal(np.stack([each.predicted for each in callback._predictions]), x[:, 0])


def test_sample_and_mask_are_cropped_to_a_smaller_prediction() -> None:
    x, truth = np.arange(36).reshape(1, 6, 6), np.arange(36).reshape(6, 6)
    prediction = Prediction.of(x, truth, np.zeros((2, 4, 4)), "val/0")
    assert prediction.truth[0, 0] == prediction.x[0, 0, 0] == 7
    assert prediction.truth.shape == prediction.x.shape[1:] == (4, 4)


def test_constant_and_broken_values_are_drawn() -> None:
    for value in (0.0, np.nan, np.inf):
        x = np.full((1, 4, 4), value, np.float32)
        x[0, 0, 0] = 1.0
        assert Prediction.of(x, np.array(0), np.array([1.0, 0.0]), "").plane().shape == (4, 4, 3)


def test_thousand_classes_are_drawn_without_names_and_sent_without_empty_cells(
    tmp_path: Path,
) -> None:
    counts = np.diag(np.arange(1, 301))
    names = [str(index) for index in range(300)]
    draw_confusion(counts, names, "val").savefig(tmp_path / "large.png")
    rows = confusion_chart(counts, names, "val").table.data
    assert len(rows) == 10_000
    assert rows[0] == ["299", "299", 300]


def test_a_rehearsal_draws_nothing(folder: Path) -> None:
    trainer = Trainer(fast_dev_run=True, accelerator="cpu", logger=False, enable_progress_bar=False)
    callback = SamplePredictions()
    callback.on_validation_end(trainer, TinyModel())
    callback.on_fit_end(trainer, TinyModel())
    assert not (folder / "pictures").exists()


@pytest.mark.parametrize(
    ("seconds", "drawn"),
    [(best_epoch.SHORT_TRIAL_S - 1, False), (best_epoch.SHORT_TRIAL_S + 1, True)],
)
def test_a_short_trial_of_a_sweep_draws_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, drawn: bool
) -> None:
    clock = iter([0.0, 0.0])
    monkeypatch.setattr(best_epoch.trial, "in_trial", lambda: True)
    monkeypatch.setattr(best_epoch, "time", SimpleNamespace(monotonic=lambda: next(clock, seconds)))
    with track(folder, mode="disabled") as tracker:
        fit(tracker, callbacks=[ConfusionMatrix()])
    assert any(folder.rglob("pictures/*.png")) == drawn


@pytest.mark.parametrize(("seconds", "looks"), [(1.0, False), (best_epoch.SHORT_TRIAL_S / 3, True)])
def test_a_trial_of_short_epochs_does_not_even_look(
    folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float, looks: bool
) -> None:
    """Twice what its two epochs take is compared."""
    clock, captured = iter([0.0, 0.0]), []
    monkeypatch.setattr(best_epoch.trial, "in_trial", lambda: True)
    monkeypatch.setattr(best_epoch, "time", SimpleNamespace(monotonic=lambda: next(clock, seconds)))
    monkeypatch.setattr(ConfusionMatrix, "capture", lambda *rest: captured.append(rest))
    with track(folder, mode="disabled") as tracker:
        fit(tracker, max_epochs=2, callbacks=[ConfusionMatrix()])
    assert bool(captured) == looks
